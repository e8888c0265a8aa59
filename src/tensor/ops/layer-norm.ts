import { ShapeError } from '../../core/errors.js'
import { formatShape, sameShape } from '../../core/shape.js'
import type { Storage } from '../../device/device.js'
import type { Result, Value } from '../value.js'

/**
 * y = x̂ · gain + bias with x̂ = (x − mean) / √(variance + eps) over the last axis (Ba, Kiros & Hinton 2016). Its
 * gradient, with g = dy · gain: dx = (g − mean(g) − x̂ mean(g x̂)) / √(variance + eps).
 */
export function layerNorm(x: Value, gain: Value, bias: Value | undefined, eps: number): Result {
  const columns = x.shape.at(-1)
  if (!columns) throw new ShapeError(`layerNorm: the shape ${formatShape(x.shape)} has no values along its last axis`)
  for (const [name, value] of Object.entries({ weight: gain, bias })) {
    if (value && !sameShape(value.shape, [columns])) {
      throw new ShapeError(`layerNorm: ${name} has the shape ${formatShape(value.shape)}, expected [${columns}]`)
    }
  }
  const { device, shape } = x
  const { length } = x.storage
  const y = device.zeros(length)
  const kept = { values: device.zeros(length), scales: device.zeros(length / columns) }
  device.layerNorm(x.storage, gain.storage, bias?.storage, kept, y, eps)
  const backward = (dy: Storage) => {
    const [dx, da, db] = [device.zeros(length), device.zeros(columns), device.zeros(columns)]
    device.layerNormGrad(dy, gain.storage, kept, dx, da, db)
    return bias ? [dx, da, db] : [dx, da]
  }
  return { storage: y, shape, device, backward }
}

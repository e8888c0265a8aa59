import { ShapeError } from '../../core/errors.js'
import { formatShape, sameShape } from '../../core/shape.js'
import type { FloatArray } from '../../kernels/kernels.js'
import { floats, type Result, type Value } from '../value.js'

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
  const { data: a } = gain
  const b = bias?.data ?? floats(columns)
  const y = floats(x.data.length)
  const normalized = floats(x.data.length)
  const scales = floats(x.data.length / columns)
  for (let row = 0, from = 0; row < scales.length; row++, from += columns) {
    const { mean, scale } = statistics(x.data, from, columns, eps)
    scales[row] = scale
    for (let i = 0; i < columns; i++) {
      const value = (x.data[from + i] - mean) * scale
      normalized[from + i] = value
      y[from + i] = value * a[i] + b[i]
    }
  }
  const backward = (dy: FloatArray) => {
    const [dx, da, db] = [floats(dy.length), floats(columns), floats(columns)]
    for (let row = 0, from = 0; row < scales.length; row++, from += columns) {
      let [sum, dot] = [0, 0]
      for (let i = 0; i < columns; i++) {
        const [d, value] = [dy[from + i], normalized[from + i]]
        da[i] += d * value
        db[i] += d
        sum += d * a[i]
        dot += d * a[i] * value
      }
      const [mean, along] = [sum / columns, dot / columns]
      for (let i = 0; i < columns; i++) {
        dx[from + i] = (dy[from + i] * a[i] - mean - normalized[from + i] * along) * scales[row]
      }
    }
    return bias ? [dx, da, db] : [dx, da]
  }
  return { data: y, shape: x.shape, backward }
}

/** Mean and 1 / √(variance + eps) of a row; the variance is that of the values, not an estimate (1 / n). */
function statistics(x: FloatArray, from: number, columns: number, eps: number): { mean: number; scale: number } {
  let sum = 0
  for (let i = from; i < from + columns; i++) sum += x[i]
  const mean = sum / columns
  let squares = 0
  for (let i = from; i < from + columns; i++) squares += (x[i] - mean) ** 2
  return { mean, scale: 1 / Math.sqrt(squares / columns + eps) }
}

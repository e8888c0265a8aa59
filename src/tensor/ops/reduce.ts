import { ShapeError } from '../../core/errors.js'
import { aroundAxis, axisOf, formatShape, type Shape } from '../../core/shape.js'
import type { Storage } from '../../device/device.js'
import type { Result, Value } from '../value.js'

/**
 * How values are arranged around the axis that is reduced (all in one row without an axis), and the shape of the
 * result.
 */
function around(where: string, { storage, shape }: Value, axis: number | undefined, keepDims: boolean) {
  if (axis === undefined) {
    return { outer: 1, length: storage.length, inner: 1, shape: keepDims ? shape.map(() => 1) : [] }
  }
  const at = axisOf(where, shape, axis)
  return { ...aroundAxis(shape, at), shape: keepDims ? shape.with(at, 1) : shape.toSpliced(at, 1) }
}

function checkLength(where: string, { shape }: Value, length: number): void {
  if (length === 0) throw new ShapeError(`${where}: the shape ${formatShape(shape)} has no values along the axis`)
}

/** Σ over one axis, or over everything if `axis` is undefined. Its gradient is repeated along the axis. */
export function sum(x: Value, axis: number | undefined, keepDims: boolean): Result {
  const { outer, length, inner, shape } = around('sum', x, axis, keepDims)
  const { device } = x
  const y = device.zeros(outer * inner)
  device.sumAxis(x.storage, y, outer, length, inner)
  const backward = (dy: Storage) => {
    const dx = device.zeros(x.storage.length)
    const from = { offset: 0, strides: [inner, 0, 1] }
    device.copy(dy, from, dx, { offset: 0, strides: [length * inner, inner, 1] }, [outer, length, inner])
    return [dx]
  }
  return { storage: y, shape, device, backward }
}

/** The largest value along an axis, or of all; of equal values the first one gets the gradient. */
export function max(x: Value, axis: number | undefined, keepDims: boolean): Result {
  const { outer, length, inner, shape } = around('max', x, axis, keepDims)
  checkLength('max', x, length)
  const { device } = x
  const places = device.argmax(x.storage, outer, length, inner)
  const y = device.zeros(outer * inner)
  device.pick(x.storage, places, y, outer, length, inner)
  const backward = (dy: Storage) => {
    const dx = device.zeros(x.storage.length)
    device.put(dy, places, dx, outer, length, inner)
    return [dx]
  }
  return { storage: y, shape, device, backward }
}

/** The place of the largest value along an axis, as whole numbers. */
export function argmax(x: Value, axis: number): { places: Storage; shape: Shape } {
  const { outer, length, inner, shape } = around('argmax', x, axis, false)
  checkLength('argmax', x, length)
  return { places: x.device.argmax(x.storage, outer, length, inner), shape }
}

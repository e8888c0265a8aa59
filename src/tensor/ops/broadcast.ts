import { rowMajor, type Shape, sameShape, sizeOf } from '../../core/shape.js'
import type { Storage } from '../../device/device.js'
import type { Value } from '../value.js'

/** The shape with ones prepended, up to `rank` axes. */
const padded = (shape: Shape, rank: number): number[] => [...Array(rank - shape.length).fill(1), ...shape]

/** x repeated along its axes of length 1 (and the missing first ones), to `shape`. */
export function expand({ storage, shape: own, device }: Value, shape: Shape): Storage {
  if (sameShape(own, shape)) return storage
  const from = padded(own, shape.length)
  const strides = rowMajor(from).map((stride, axis) => (from[axis] === 1 ? 0 : stride))
  const y = device.zeros(sizeOf(shape))
  device.copy(storage, { offset: 0, strides }, y, { offset: 0, strides: rowMajor(shape) }, shape)
  return y
}

/** The gradient of `expand`, in the shape of `x`: the sum over the axes that were repeated. */
export function sumTo(x: Value, dy: Storage, from: Shape): Storage {
  if (sameShape(from, x.shape)) return dy
  const target = padded(x.shape, from.length)
  let sums = dy
  for (let axis = 0; axis < from.length; axis++) {
    if (target[axis] === from[axis]) continue
    const inner = sizeOf(from.slice(axis + 1))
    // Not the quotient of the sizes, of which any may be 0.
    const outer = sizeOf(target.slice(0, axis))
    const next = x.device.zeros(outer * inner)
    x.device.sumAxis(sums, next, outer, from[axis], inner)
    sums = next
  }
  return sums
}

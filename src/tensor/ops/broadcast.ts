import { type Shape, sameShape, sizeOf } from '../../core/shape.js'
import { kernels } from '../../kernels/index.js'
import type { FloatArray } from '../../kernels/kernels.js'
import { floats, type Value } from '../value.js'

/** The shape with ones before it, up to `rank` axes. */
const padded = (shape: Shape, rank: number): number[] => [...Array(rank - shape.length).fill(1), ...shape]

/** x repeated along its axes of length 1 (and the missing first ones), to `shape`. */
export function expand(x: Value, shape: Shape): FloatArray {
  if (sameShape(x.shape, shape)) return x.data
  const from = padded(x.shape, shape.length)
  let data = x.data
  // From the last axis to the first: each repetition copies whole rows.
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (from[axis] === shape[axis]) continue
    const inner = sizeOf(shape.slice(axis + 1))
    const outer = data.length / inner
    const next = floats(data.length * shape[axis])
    for (let o = 0; o < outer; o++) {
      if (inner === 1) {
        next.fill(data[o], o * shape[axis], (o + 1) * shape[axis])
        continue
      }
      const row = data.subarray(o * inner, (o + 1) * inner)
      for (let i = 0; i < shape[axis]; i++) next.set(row, (o * shape[axis] + i) * inner)
    }
    data = next
  }
  return data
}

/** The gradient of `expand`: sums over the axes that were repeated. */
export function sumTo(dy: FloatArray, from: Shape, to: Shape): FloatArray {
  if (sameShape(from, to)) return dy
  const target = padded(to, from.length)
  let data = dy
  for (let axis = 0; axis < from.length; axis++) {
    if (target[axis] === from[axis]) continue
    const inner = sizeOf(from.slice(axis + 1))
    const outer = data.length / (inner * from[axis])
    const next = floats(outer * inner)
    kernels().sumAxis(data, next, outer, from[axis], inner)
    data = next
  }
  return data
}

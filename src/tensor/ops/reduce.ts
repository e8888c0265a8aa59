import { ShapeError } from '../../core/errors.js'
import { aroundAxis, axisOf, formatShape, type Shape } from '../../core/shape.js'
import { kernels } from '../../kernels/index.js'
import type { FloatArray } from '../../kernels/kernels.js'
import { floats, type Indices, type Result, type Value } from '../value.js'

/** The shape without an axis, or with 1 in its place. */
const reduced = (shape: Shape, axis: number, keepDims: boolean): Shape =>
  keepDims ? shape.with(axis, 1) : shape.toSpliced(axis, 1)

/** Each value of dy repeated along the axis that a sum took away. */
function spread(dy: FloatArray, outer: number, length: number, inner: number): FloatArray {
  const dx = floats(outer * length * inner)
  for (let o = 0; o < outer; o++) {
    if (inner === 1) {
      dx.fill(dy[o], o * length, (o + 1) * length)
      continue
    }
    const row = dy.subarray(o * inner, (o + 1) * inner)
    for (let l = 0; l < length; l++) dx.set(row, (o * length + l) * inner)
  }
  return dx
}

/** Σ over one axis, or over everything where `axis` is undefined. */
export function sum(x: Value, axis: number | undefined, keepDims: boolean): Result {
  const at = axis === undefined ? 0 : axisOf('sum', x.shape, axis)
  const { outer, length, inner } =
    axis === undefined ? { outer: 1, length: x.data.length, inner: 1 } : aroundAxis(x.shape, at)
  const y = floats(outer * inner)
  kernels().sumAxis(x.data, y, outer, length, inner)
  const whole = keepDims ? x.shape.map(() => 1) : []
  const shape = axis === undefined ? whole : reduced(x.shape, at, keepDims)
  return { data: y, shape, backward: (dy) => [spread(dy, outer, length, inner)] }
}

/** For each row along an axis, the place of its largest value: the first of equals. */
function argmaxAlong(x: Value, outer: number, length: number, inner: number): Int32Array {
  const places = new Int32Array(outer * inner)
  for (let i = 0; i < places.length; i++) {
    const from = Math.floor(i / inner) * length * inner + (i % inner)
    let best = 0
    for (let l = 1; l < length; l++) if (x.data[from + l * inner] > x.data[from + best * inner]) best = l
    places[i] = best
  }
  return places
}

function checkLength(where: string, x: Value, length: number): void {
  if (length === 0) throw new ShapeError(`${where}: the shape ${formatShape(x.shape)} has no values along the axis`)
}

/** The largest value along an axis, or of all; its gradient goes to the first of equals. */
export function max(x: Value, axis: number | undefined, keepDims: boolean): Result {
  const at = axis === undefined ? 0 : axisOf('max', x.shape, axis)
  const { outer, length, inner } =
    axis === undefined ? { outer: 1, length: x.data.length, inner: 1 } : aroundAxis(x.shape, at)
  checkLength('max', x, length)
  const places = argmaxAlong(x, outer, length, inner)
  const index = (i: number) => (Math.floor(i / inner) * length + places[i]) * inner + (i % inner)
  const y = floats(places.length)
  for (let i = 0; i < y.length; i++) y[i] = x.data[index(i)]
  const whole = keepDims ? x.shape.map(() => 1) : []
  return {
    data: y,
    shape: axis === undefined ? whole : reduced(x.shape, at, keepDims),
    backward: (dy) => {
      const dx = floats(x.data.length)
      for (let i = 0; i < dy.length; i++) dx[index(i)] = dy[i]
      return [dx]
    },
  }
}

/** The place of the largest value along an axis. */
export function argmax(x: Value, axis: number): Indices {
  const at = axisOf('argmax', x.shape, axis)
  const { outer, length, inner } = aroundAxis(x.shape, at)
  checkLength('argmax', x, length)
  return { data: argmaxAlong(x, outer, length, inner), shape: x.shape.toSpliced(at, 1) }
}

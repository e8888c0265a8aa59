import { ShapeError } from '../../core/errors.js'
import { aroundAxis, formatShape, type Shape, sameShape, sizeOf } from '../../core/shape.js'
import { floats, type Result, type Results, type Value } from '../value.js'

/** Moves whole numbers as well as floats: an array like `data`, of `length` values. */
const like = <A extends Value['data'] | Int32Array>(data: A, length: number): A =>
  new (data.constructor as new (length: number) => A)(length)

/** The shape that `wanted` means for `size` values: one −1 is worked out. */
export function resolveShape(from: Shape, wanted: Shape): Shape {
  const size = sizeOf(from)
  const known = wanted.reduce((product, length) => (length === -1 ? product : product * length), 1)
  const shape = wanted.map((length) => (length === -1 ? size / known : length))
  const unknown = wanted.filter((length) => length === -1).length
  if (unknown > 1 || shape.some((length) => !Number.isInteger(length) || length < 0) || sizeOf(shape) !== size) {
    throw new ShapeError(`reshape: ${formatShape(from)} has ${size} values and cannot become ${formatShape(wanted)}`)
  }
  return shape
}

/** The data in the order of permuted axes. */
export function permuted<A extends Value['data'] | Int32Array>(data: A, shape: Shape, axes: Shape): A {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))
  const lengths = axes.map((axis) => shape[axis])
  const steps = axes.map((axis) => strides[axis])
  const y = like(data, data.length)
  const last = axes.length - 1
  const [inner, step] = last < 0 ? [1, 0] : [lengths[last], steps[last]]
  const place = new Array<number>(Math.max(last, 0)).fill(0)
  let from = 0
  for (let to = 0; to < y.length; to += inner) {
    for (let i = 0; i < inner; i++) y[to + i] = data[from + i * step]
    for (let axis = last - 1; axis >= 0; axis--) {
      from += steps[axis]
      if (++place[axis] < lengths[axis]) break
      from -= steps[axis] * lengths[axis]
      place[axis] = 0
    }
  }
  return y
}

export function checkAxes(shape: Shape, axes: Shape): void {
  if (
    !sameShape(
      [...axes].sort((a, b) => a - b),
      shape.map((_, axis) => axis),
    )
  ) {
    throw new ShapeError(`permute: axes ${formatShape(axes)} do not name each axis of ${formatShape(shape)} once`)
  }
}

export function permute(x: Value, axes: Shape): Result {
  const shape = axes.map((axis) => x.shape[axis])
  const back = axes.map((_, axis) => axes.indexOf(axis))
  return { data: permuted(x.data, x.shape, axes), shape, backward: (dy) => [permuted(dy, shape, back)] }
}

/** Start and end of a slice, checked; the end may be left out. */
export function range(where: string, shape: Shape, axis: number, start: number, end = shape[axis]): [number, number] {
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end > shape[axis] || start > end) {
    throw new ShapeError(`${where}: ${start} to ${end} is out of range for axis ${axis} of ${formatShape(shape)}`)
  }
  return [start, end]
}

/** x[…, start…end, …] along one axis. */
export function sliced<A extends Value['data'] | Int32Array>(
  data: A,
  shape: Shape,
  axis: number,
  start: number,
  end: number,
): A {
  const { outer, length, inner } = aroundAxis(shape, axis)
  const y = like(data, outer * (end - start) * inner)
  for (let o = 0; o < outer; o++) {
    y.set(data.subarray((o * length + start) * inner, (o * length + end) * inner), o * (end - start) * inner)
  }
  return y
}

/** The other way: writes `part` to where the slice from `start` on lies. */
function put(data: Value['data'], shape: Shape, axis: number, start: number, part: Value['data']): void {
  const { outer, length, inner } = aroundAxis(shape, axis)
  const width = part.length / outer
  for (let o = 0; o < outer; o++) data.set(part.subarray(o * width, (o + 1) * width), (o * length + start) * inner)
}

export function slice(x: Value, axis: number, start: number, end: number): Result {
  return {
    data: sliced(x.data, x.shape, axis, start, end),
    shape: x.shape.with(axis, end - start),
    backward: (dy) => {
      const dx = floats(x.data.length)
      put(dx, x.shape, axis, start, dy)
      return [dx]
    },
  }
}

/** Pieces of `widths` along an axis, which add up to its length; pieces without a gradient count as zero. */
export function split(x: Value, axis: number, widths: readonly number[]): Results {
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((sum, width) => sum + width, 0))
  return {
    outputs: widths.map((width, i) => ({
      data: sliced(x.data, x.shape, axis, starts[i], starts[i] + width),
      shape: x.shape.with(axis, width),
    })),
    backward: (dys) => {
      const dx = floats(x.data.length)
      for (const [i, dy] of dys.entries()) {
        if (dy) put(dx, x.shape, axis, starts[i], dy)
      }
      return [dx]
    },
  }
}

/** One after another along the axis `at`. */
export function concatenate(parts: readonly Value[], at: number): Result {
  const [first] = parts
  for (const { shape } of parts) {
    if (shape.length !== first.shape.length || !sameShape(shape.with(at, 0), first.shape.with(at, 0))) {
      throw new ShapeError(
        `concatenate: shapes ${formatShape(first.shape)} and ${formatShape(shape)} differ outside axis ${at}`,
      )
    }
  }
  const total = parts.reduce((sum, { shape }) => sum + shape[at], 0)
  const shape = first.shape.with(at, total)
  const { outer, inner } = aroundAxis(shape, at)
  const data = floats(sizeOf(shape))
  let start = 0
  const starts = parts.map((part) => {
    const width = part.shape[at] * inner
    for (let o = 0; o < outer; o++) {
      data.set(part.data.subarray(o * width, (o + 1) * width), o * total * inner + start * inner)
    }
    start += part.shape[at]
    return start - part.shape[at]
  })
  const backward: Result['backward'] = (dy) =>
    parts.map((part, i) => sliced(dy, shape, at, starts[i], starts[i] + part.shape[at]))
  return { data, shape, backward }
}

import { ShapeError } from '../../core/errors.js'
import { formatShape, rowMajor, type Shape, sameShape, sizeOf } from '../../core/shape.js'
import type { Device, Storage, View } from '../../device/device.js'
import { copy } from '../../kernels/host/copy.js'
import type { Indices, Result, Results, Value } from '../value.js'

/** A part of a tensor, possibly with its axes in another order: where its values are in the tensor, and its shape. */
interface Part {
  view: View
  shape: Shape
}

const wholePart = (shape: Shape): Part => ({ view: { offset: 0, strides: rowMajor(shape) }, shape })

/** Axis `i` of the part is axis `axes[i]` of the tensor. */
function permutedPart(shape: Shape, axes: Shape): Part {
  const strides = rowMajor(shape)
  return { view: { offset: 0, strides: axes.map((axis) => strides[axis]) }, shape: axes.map((axis) => shape[axis]) }
}

/** x[…, start…end, …] along one axis. */
function slicedPart(shape: Shape, axis: number, start: number, end: number): Part {
  const strides = rowMajor(shape)
  return { view: { offset: start * strides[axis], strides }, shape: shape.with(axis, end - start) }
}

/** Copies a part into a storage of its own. */
function taken(device: Device, x: Storage, { view, shape }: Part): Storage {
  const y = device.zeros(sizeOf(shape))
  device.copy(x, view, y, wholePart(shape).view, shape)
  return y
}

/** Writes `values` to the places of a part. */
function putPart(device: Device, values: Storage, x: Storage, { view, shape }: Part): void {
  device.copy(values, wholePart(shape).view, x, view, shape)
}

/** The same for whole numbers. */
function takenIndices({ data }: Indices, { view, shape }: Part): Indices {
  const y = new Int32Array(sizeOf(shape))
  copy(data, view, y, wholePart(shape).view, shape)
  return { data: y, shape }
}

/** The shape `wanted`, with a −1 in it replaced by the length that fits the number of values. */
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

export function permute({ storage, shape, device }: Value, axes: Shape): Result {
  const part = permutedPart(shape, axes)
  const back = permutedPart(
    part.shape,
    axes.map((_, axis) => axes.indexOf(axis)),
  )
  return {
    storage: taken(device, storage, part),
    shape: part.shape,
    device,
    backward: (dy) => [taken(device, dy, back)],
  }
}

export const permuteIndices = (x: Indices, axes: Shape): Indices => takenIndices(x, permutedPart(x.shape, axes))

/** Checks the start and end of a slice; the end may be left out. */
export function range(where: string, shape: Shape, axis: number, start: number, end = shape[axis]): [number, number] {
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end > shape[axis] || start > end) {
    throw new ShapeError(`${where}: ${start} to ${end} is out of range for axis ${axis} of ${formatShape(shape)}`)
  }
  return [start, end]
}

/** x[…, start…end, …] along one axis. */
export function slice({ storage, shape, device }: Value, axis: number, start: number, end: number): Result {
  const part = slicedPart(shape, axis, start, end)
  return {
    storage: taken(device, storage, part),
    shape: part.shape,
    device,
    backward: (dy) => {
      const dx = device.zeros(storage.length)
      putPart(device, dy, dx, part)
      return [dx]
    },
  }
}

export const sliceIndices = (x: Indices, axis: number, start: number, end: number): Indices =>
  takenIndices(x, slicedPart(x.shape, axis, start, end))

/** Pieces along an axis whose widths add up to its length; a piece without a gradient counts as zero. */
export function split({ storage, shape, device }: Value, axis: number, widths: readonly number[]): Results {
  const parts = partsAlong(shape, axis, widths)
  return {
    outputs: parts.map((part) => ({ storage: taken(device, storage, part), shape: part.shape, device })),
    backward: (dys) => {
      const dx = device.zeros(storage.length)
      for (const [i, dy] of dys.entries()) if (dy) putPart(device, dy, dx, parts[i])
      return [dx]
    },
  }
}

/** Joins values along the axis `at`. */
export function concatenate(values: readonly Value[], at: number): Result {
  const [first] = values
  for (const { shape } of values) {
    if (shape.length !== first.shape.length || !sameShape(shape.with(at, 0), first.shape.with(at, 0))) {
      throw new ShapeError(
        `concatenate: shapes ${formatShape(first.shape)} and ${formatShape(shape)} differ outside axis ${at}`,
      )
    }
  }
  const { device } = first
  const widths = values.map(({ shape }) => shape[at])
  const shape = first.shape.with(
    at,
    widths.reduce((total, width) => total + width),
  )
  const parts = partsAlong(shape, at, widths)
  const y = device.zeros(sizeOf(shape))
  for (const [i, { storage }] of values.entries()) putPart(device, storage, y, parts[i])
  return { storage: y, shape, device, backward: (dy) => parts.map((part) => taken(device, dy, part)) }
}

function partsAlong(shape: Shape, axis: number, widths: readonly number[]): Part[] {
  let end = 0
  return widths.map((width) => {
    end += width
    return slicedPart(shape, axis, end - width, end)
  })
}

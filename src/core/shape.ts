import { describe } from './describe.js'
import { ShapeError } from './errors.js'

/** The lengths of the axes of a tensor; empty for a scalar. */
export type Shape = readonly number[]

/** The number of values of a shape; 1 for a scalar. */
export const sizeOf = (shape: Shape): number => shape.reduce((size, length) => size * length, 1)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((length, axis) => length === b[axis])

/** A shape as messages show it: `[3, 4]`. */
export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`

/** @throws ShapeError unless the shape is an array of whole numbers of 0 or more */
export function checkShape(where: string, shape: Shape): void {
  if (!Array.isArray(shape)) {
    throw new ShapeError(
      `${where}: the shape is ${describe(shape)}, expected an array of whole numbers, such as [2, 3]`,
    )
  }
  for (let axis = 0; axis < shape.length; axis++) {
    if (Number.isSafeInteger(shape[axis]) && shape[axis] >= 0) continue
    const length = describe(shape[axis])
    throw new ShapeError(`${where}: the shape has ${length} at axis ${axis}, expected whole numbers of 0 or more`)
  }
}

/** @throws ShapeError unless arguments of a call are whole numbers: `reshape(2, 3)`, not `reshape([2, 3])` */
export function checkWholeArguments(where: string, values: readonly unknown[]): void {
  const at = values.findIndex((value) => !Number.isSafeInteger(value))
  if (at < 0) return
  const given = describe(values[at])
  throw new ShapeError(`${where}: an argument is ${given}, expected whole numbers, one per argument`)
}

/** The common shape of two operands under NumPy's broadcasting. */
export function broadcastShapes(where: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1
    const y = b[axis - rank + b.length] ?? 1
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${where}: shapes ${formatShape(a)} and ${formatShape(b)} cannot be broadcast together; axes counted from the last must be equal or 1`,
      )
    }
    return x === 1 ? y : x
  })
}

/** An axis counted from the start; negative ones count from the end. */
export function axisOf(where: string, shape: Shape, axis: number): number {
  if (!Number.isInteger(axis)) throw new ShapeError(`${where}: axis is ${describe(axis)}, expected a whole number`)
  const result = axis < 0 ? axis + shape.length : axis
  if (result < 0 || result >= shape.length) {
    throw new ShapeError(`${where}: axis ${axis} is out of range for the shape ${formatShape(shape)}`)
  }
  return result
}

/** Sizes before, at and after an axis: x[outer, length, inner]. */
export function aroundAxis(shape: Shape, axis: number): { outer: number; length: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), length: shape[axis], inner: sizeOf(shape.slice(axis + 1)) }
}

/** The distance from one value to the next along each axis, of values in row-major order. */
export function rowMajor(shape: Shape): number[] {
  const strides = Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]
  }
  return strides
}

import { ShapeError } from './errors.js'

export type Shape = readonly number[]

/** The number of values of a shape; 1 for a scalar. */
export const sizeOf = (shape: Shape): number => shape.reduce((size, length) => size * length, 1)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((length, axis) => length === b[axis])

/** `[3, 4]`, as it stands in messages. */
export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`

/** @throws ShapeError unless every length is a whole number of 0 or more */
export function checkShape(where: string, shape: Shape): void {
  if (shape.some((length) => !Number.isSafeInteger(length) || length < 0)) {
    throw new ShapeError(`${where}: the shape is ${formatShape(shape)}, expected whole numbers of 0 or more`)
  }
}

/** The common shape of two operands under NumPy's broadcasting. */
export function broadcastShapes(where: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1
    const y = b[axis - rank + b.length] ?? 1
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${where}: shapes ${formatShape(a)} and ${formatShape(b)} do not go together; axes counted from the last must be equal or 1`,
      )
    }
    return x === 1 ? y : x
  })
}

/** An axis counted from the start; negative ones count from the end. */
export function axisOf(where: string, shape: Shape, axis: number): number {
  const result = axis < 0 ? axis + shape.length : axis
  if (!Number.isInteger(axis) || result < 0 || result >= shape.length) {
    throw new ShapeError(`${where}: axis ${axis} is out of range for the shape ${formatShape(shape)}`)
  }
  return result
}

/** Sizes before, at and after an axis: x[outer, length, inner]. */
export function aroundAxis(shape: Shape, axis: number): { outer: number; length: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), length: shape[axis], inner: sizeOf(shape.slice(axis + 1)) }
}

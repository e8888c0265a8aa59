import { OptionError } from '../core/errors.js'
import { checkShape, type Shape, sizeOf } from '../core/shape.js'
import { kernels } from '../kernels/index.js'
import type { FloatArray } from '../kernels/kernels.js'

/** What operations work on: floats in row-major order. Every float tensor is one. */
export interface Value {
  readonly data: FloatArray
  readonly shape: Shape
}

/** Whole numbers: tokens and indices. */
export interface Indices {
  readonly data: Int32Array
  readonly shape: Shape
}

/**
 * An operation's output, with its backward pass beside it: from the gradient of the output to those of the
 * inputs, in their order; undefined where an input has none. It may return `dy` itself, but not change it.
 * `wanted` tells which inputs require a gradient: the costly ones of the others are left out.
 */
export interface Result extends Value {
  backward(dy: FloatArray, wanted: readonly boolean[]): (FloatArray | undefined)[]
}

/** Several outputs of one operation, with its backward pass from those of their gradients that there are. */
export interface Results {
  readonly outputs: readonly Value[]
  backward(dys: readonly (FloatArray | undefined)[], wanted: readonly boolean[]): (FloatArray | undefined)[]
}

/** @throws OptionError where there is no memory for so many values */
export function floats(length: number, where = 'Tensor'): FloatArray {
  try {
    return new (kernels().Float)(length)
  } catch {
    throw new OptionError(
      `${where}: a tensor of ${length} values does not fit into memory; use smaller sizes, such as hiddenSize`,
    )
  }
}

/** A new array of a shape's size. @throws ShapeError for anything but an array of whole numbers of 0 or more */
export function floatsOf(where: string, shape: Shape): FloatArray {
  checkShape(where, shape)
  return floats(sizeOf(shape), where)
}

import { FormatError } from '../../core/errors.js'
import { aroundAxis, rowMajor, type Shape, sizeOf } from '../../core/shape.js'
import type { TensorData } from '../../tensor/arrays.js'
import type { TensorValues } from '../safetensors.js'

/** An array of the same kind as another. */
export const arrayLike = (data: TensorData, length: number): TensorData =>
  data instanceof Int32Array ? new Int32Array(length) : new Float32Array(length)

/**
 * Values of another shape, each taken from where a stride for each axis says: 0 repeats it, a negative one goes backwards.
 */
export function strided({ data }: TensorValues, shape: Shape, strides: readonly number[], offset = 0): TensorValues {
  const result = arrayLike(data, sizeOf(shape))
  const index = new Array<number>(shape.length).fill(0)
  let from = offset
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]
      if (++index[axis] < shape[axis]) break
      from -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return { data: result, shape }
}

/** Axes in another order. */
export function transpose(value: TensorValues, order: readonly number[]): TensorValues {
  const strides = rowMajor(value.shape)
  return strided(
    value,
    order.map((axis) => value.shape[axis]),
    order.map((axis) => strides[axis]),
  )
}

/** Values repeated along axes of length 1, as far as they are missing or shorter than a shape that fits. */
export function broadcastTo(value: TensorValues, shape: Shape): TensorValues {
  const strides = rowMajor(value.shape)
  const missing = shape.length - value.shape.length
  const repeated = shape.map((_, axis) => {
    const own = axis - missing
    return own < 0 || value.shape[own] === 1 ? 0 : strides[own]
  })
  return strided(value, shape, repeated)
}

/** Values joined along an axis. */
export function concatenate(values: readonly TensorValues[], axis: number): TensorValues {
  const [first] = values
  const shape = first.shape.with(
    axis,
    values.reduce((sum, value) => sum + value.shape[axis], 0),
  )
  const data = arrayLike(first.data, sizeOf(shape))
  const { outer } = aroundAxis(shape, axis)
  let to = 0
  for (let i = 0; i < outer; i++) {
    for (const value of values) {
      const length = value.data.length / outer
      data.set(value.data.subarray(i * length, (i + 1) * length), to)
      to += length
    }
  }
  return { data, shape }
}

/** An axis counted from the start; negative ones count from the end. @throws FormatError for one that is not there */
export function axisFor(axis: number, rank: number, what: string): number {
  const result = axis < 0 ? axis + rank : axis
  if (result >= 0 && result < rank) return result
  throw new FormatError(`${what} has the axis ${axis}, expected one of ${rank}`)
}

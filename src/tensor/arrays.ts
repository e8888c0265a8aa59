import { describe } from '../core/describe.js'
import { ShapeError } from '../core/errors.js'
import { checkShape, formatShape, type Shape, sizeOf } from '../core/shape.js'
import type { FloatArray } from '../device/device.js'
import { kernels } from '../kernels/index.js'

// Converts numbers from users to the arrays that tensors have: those of the kernels in use, or Int32Array.

/** The values of a tensor: floats, or whole numbers (`int32`). */
export type TensorData = FloatArray | Int32Array

/** A flat list of numbers: an array, or a typed array of anything but BigInts. */
export type NumberArray =
  | readonly number[]
  | FloatArray
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array

/** A number, a list of numbers, or nested arrays of them. */
export type NestedValues = number | NumberArray | readonly NestedValues[]

/** More axes than any tensor has. The limit also ends the search in an array that contains itself. */
const MOST_AXES = 64

/** The built-in name of a typed array's kind, which also works for arrays from another realm, such as a frame. */
const arrayKind = (values: unknown): string | undefined =>
  ArrayBuffer.isView(values) ? (values as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] : undefined

const isRow = (values: unknown): values is NumberArray =>
  /^(Float(16|32|64)|U?[Ii]nt(8|16|32)|Uint8Clamped)Array$/.test(arrayKind(values) ?? '')

/**
 * Numbers as the array of a tensor of that shape: the same array if it is an Int32Array or of the kind of the kernels
 * in use, or else a copy in floats.
 * @throws ShapeError for anything but numbers, or for a number of them that does not fit the shape
 */
export function dataOf(where: string, values: unknown, shape: Shape): TensorData {
  checkShape(where, shape)
  const data = converted(where, values)
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `${where}: ${data.length} values cannot have the shape ${formatShape(shape)} of ${sizeOf(shape)} values`,
    )
  }
  return data
}

function converted(where: string, values: unknown): TensorData {
  if (values instanceof kernels().Float || values instanceof Int32Array) return values
  checkValues(where, values)
  if (arrayKind(values) === 'Int32Array') return Int32Array.from(values)
  const data = kernels().zeros(values.length)
  data.set(values)
  return data
}

/** @throws ShapeError for anything but a flat list of numbers */
export function checkValues(where: string, values: unknown): asserts values is NumberArray {
  if (!isRow(values) && !Array.isArray(values)) throw unusable(where, values)
  if (Array.isArray(values)) checkNumbers(where, values, [])
}

/** @throws ShapeError for a number that an Int32Array cannot hold */
export function checkWholeNumbers(where: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i] === (values[i] | 0)) continue
    throw new ShapeError(`${where}: ${values[i]} is not a whole number of 32 bits, expected int32`)
  }
}

/**
 * The rows of nested arrays, and their shape. `whole` means that all rows are Int32Array.
 * @throws ShapeError if arrays differ in length, or hold anything but numbers
 */
export function rowsOf(
  where: string,
  nested: unknown,
): { rows: readonly NumberArray[]; shape: number[]; whole: boolean } {
  if (typeof nested === 'number') return { rows: [[nested]], shape: [], whole: false }
  if (!isRow(nested) && !Array.isArray(nested)) throw unusable(where, nested)
  const shape: number[] = []
  for (let level: unknown = nested; isRow(level) || Array.isArray(level); level = level[0]) {
    shape.push(level.length)
    if (shape.length > MOST_AXES) {
      throw new ShapeError(`${where}: the arrays are nested more than ${MOST_AXES} deep, expected fewer axes`)
    }
  }
  const rows: NumberArray[] = []
  const collect = (level: unknown, path: readonly number[]): void => {
    const length = shape[path.length]
    const last = path.length === shape.length - 1
    if (!Array.isArray(level) && !(last && isRow(level))) {
      throw new ShapeError(
        `${where}: the value at ${placed(path)} is ${describe(level)}, expected an array of ${length} values`,
      )
    }
    if (level.length !== length) {
      throw new ShapeError(
        `${where}: the array at ${placed(path)} has ${level.length} values, expected ${length}, like the first array`,
      )
    }
    if (last) {
      if (Array.isArray(level)) checkNumbers(where, level, path)
      rows.push(level)
    } else for (let i = 0; i < length; i++) collect(level[i], [...path, i])
  }
  collect(nested, [])
  return { rows, shape, whole: rows.length > 0 && rows.every((row) => arrayKind(row) === 'Int32Array') }
}

const placed = (path: readonly number[]): string => path.map((place) => `[${place}]`).join('')

/** Loops over the indices, because array methods skip holes. */
function checkNumbers(where: string, values: readonly unknown[], path: readonly number[]): void {
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] === 'number') continue
    throw new ShapeError(`${where}: the value at ${placed([...path, i])} is ${describe(values[i])}, expected a number`)
  }
}

function unusable(where: string, values: unknown): ShapeError {
  const big = arrayKind(values)?.startsWith('Big') ? '; Int32Array.from(values, Number) converts BigInts' : ''
  return new ShapeError(
    `${where}: the values are ${describe(values)}, expected an array or a typed array of numbers${big}`,
  )
}

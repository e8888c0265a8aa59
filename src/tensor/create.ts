import { checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { fillNormal, type RandomKey } from '../core/counter-random.js'
import { describe } from '../core/describe.js'
import { OptionError, ShapeError } from '../core/errors.js'
import { defaultGenerator, Generator } from '../core/random.js'
import { checkShape, type Shape, sizeOf } from '../core/shape.js'
import type { Device } from '../device/device.js'
import { defaultDevice } from '../kernels/devices.js'
import { kernels } from '../kernels/index.js'
import { checkWholeNumbers, dataOf, type NestedValues, type NumberArray, rowsOf } from './arrays.js'
import { Tensor } from './tensor.js'

/** Options of a new tensor. */
export interface TensorOptions {
  /** Default 'float', but 'int32' for values from an Int32Array. */
  dtype?: 'float' | 'int32'
  requiresGrad?: boolean
}

const tensorOptions: OptionKinds<TensorOptions> = { dtype: 'any', requiresGrad: 'boolean' }

/**
 * Makes a tensor of a number, of nested arrays (`tensor([[1, 2], [3, 4]])`), or of typed arrays, and copies the values.
 * The dtype is 'int32' if it is requested, or by default if all values come from an Int32Array.
 * @throws ShapeError if rows differ in length, a value is not a number, or an int32 is not a whole number of 32 bits
 * @throws OptionError for an unknown dtype
 * @throws GradientError if gradients of an int32 tensor are requested
 */
export function tensor(values: NestedValues, options: TensorOptions = {}): Tensor {
  checkOptions('tensor', options, tensorOptions)
  const { dtype, requiresGrad = false } = options
  if (dtype !== undefined) checkWord('tensor', 'dtype', dtype, ['float', 'int32'])
  const { rows, shape, whole } = rowsOf('tensor', values)
  const data =
    (dtype ?? (whole ? 'int32' : 'float')) === 'int32'
      ? new Int32Array(sizeOf(shape))
      : kernels().zeros(sizeOf(shape), 'tensor')
  for (const [i, row] of rows.entries()) {
    if (data instanceof Int32Array) checkWholeNumbers('tensor', row)
    data.set(row, i * row.length)
  }
  return new Tensor(data, shape, requiresGrad)
}

/**
 * Makes a tensor around an array. It is not copied if its kind is that of the kernels in use (usually Float32Array) or
 * Int32Array, which makes the dtype 'int32'. Other numbers, in plain or typed arrays, are copied into floats.
 * @throws ShapeError unless the values are numbers that fill the shape
 */
export const fromData = (data: NumberArray, shape: Shape): Tensor => new Tensor(dataOf('fromData', data, shape), shape)

/** The same in main memory, whatever the default device is; for values read from a file. */
export const inMemory = (data: NumberArray, shape: Shape): Tensor =>
  new Tensor(dataOf('fromData', data, shape), shape, false, kernels())

/** A tensor of zeros. @throws ShapeError for anything but a shape */
export const zeros = (shape: Shape): Tensor => filled('zeros', shape, 0)

/** A tensor of equal values. @throws ShapeError unless the value is a number */
export function full(shape: Shape, value: number): Tensor {
  if (typeof value !== 'number') throw new ShapeError(`full: the value is ${describe(value)}, expected a number`)
  return filled('full', shape, value)
}

/** A tensor of ones. @throws ShapeError for anything but a shape */
export const ones = (shape: Shape): Tensor => filled('ones', shape, 1)

/** Random numbers uniform in [0, 1), multiples of 2⁻²⁴. */
export function rand(shape: Shape, generator: Generator = defaultGenerator()): Tensor {
  const key = randomKey('rand', shape, generator)
  const made = zerosOn(defaultDevice(), shape, 'rand')
  made.device.uniform(key, made.storage)
  return made
}

/** Standard normal random numbers. */
export function randn(shape: Shape, generator: Generator = defaultGenerator()): Tensor {
  const key = randomKey('randn', shape, generator)
  const values = kernels().zeros(sizeOf(shape), 'randn')
  fillNormal(key, values)
  return new Tensor(values, shape)
}

/**
 * start, start + step, … below end, or above it if step is negative. With one argument, which is the end, start is 0.
 * @throws OptionError unless all are finite numbers and the step is not 0
 */
export function arange(start: number, end?: number, step = 1): Tensor {
  for (const [name, value] of Object.entries({ start, end: end === undefined ? 0 : end, step })) {
    if (!Number.isFinite(value))
      throw new OptionError(`arange: ${name} is ${describe(value)}, expected a finite number`)
  }
  if (step === 0) throw new OptionError('arange: step is 0, expected a positive or negative number')
  const [from, to] = end === undefined ? [0, start] : [start, end]
  const length = Math.max(0, Math.ceil((to - from) / step))
  const data = kernels().zeros(length, 'arange')
  for (let i = 0; i < length; i++) data[i] = from + i * step
  return new Tensor(data, [length])
}

/** Zeros on a device, such as that of a module's parameters. */
export const zerosOn = (device: Device, shape: Shape, where?: string): Tensor =>
  new Tensor(device.zeros(sizeOf(shape), where), shape, false, device)

function filled(where: string, shape: Shape, value: number): Tensor {
  checkShape(where, shape)
  const made = zerosOn(defaultDevice(), shape, where)
  if (value !== 0) made.device.affine(made.storage, 0, value, made.storage)
  return made
}

/** Draws a key for random numbers. @throws ShapeError for a bad shape, OptionError for a bad generator */
function randomKey(where: string, shape: Shape, generator: Generator): RandomKey {
  checkShape(where, shape)
  if (generator instanceof Generator) return generator.key()
  throw new OptionError(`${where}: generator is ${describe(generator)}, expected a Generator`)
}

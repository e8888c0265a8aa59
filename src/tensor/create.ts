import { ShapeError } from '../core/errors.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { type Shape, sizeOf } from '../core/shape.js'
import { type NestedNumbers, Tensor, type TensorData } from './tensor.js'
import { floats, floatsOf } from './value.js'

export interface TensorOptions {
  /** Default 'float'. */
  dtype?: 'float' | 'int32'
  requiresGrad?: boolean
}

/**
 * A tensor of nested arrays of numbers: `tensor([[1, 2], [3, 4]])`.
 * @throws ShapeError where rows differ in length, or an int32 is not a whole number of 32 bits
 * @throws GradientError where gradients of an int32 are asked for
 */
export function tensor(nested: NestedNumbers, { dtype = 'float', requiresGrad = false }: TensorOptions = {}): Tensor {
  const shape: number[] = []
  for (let level = nested; Array.isArray(level); level = level[0]) shape.push(level.length)
  const values: number[] = []
  const collect = (level: NestedNumbers, axis: number): void => {
    if (Array.isArray(level) ? level.length !== shape[axis] : axis !== shape.length) {
      throw new ShapeError(`tensor: rows at depth ${axis} differ in length, expected a full array of numbers`)
    }
    if (Array.isArray(level)) for (const item of level) collect(item, axis + 1)
    else values.push(level)
  }
  collect(nested, 0)
  if (dtype === 'float') {
    const data = floats(values.length)
    data.set(values)
    return new Tensor(data, shape, requiresGrad)
  }
  const wrong = values.find((value) => value !== (value | 0))
  if (wrong !== undefined) throw new ShapeError(`tensor: ${wrong} is not a whole number of 32 bits, expected int32`)
  const whole = new Tensor(Int32Array.from(values), shape)
  return requiresGrad ? whole.requiresGrad_() : whole
}

/** A tensor around an array, without a copy. */
export const fromData = (data: TensorData, shape: Shape): Tensor => new Tensor(data, shape)

export const zeros = (shape: Shape): Tensor => new Tensor(floatsOf(shape), shape)

export const full = (shape: Shape, value: number): Tensor => new Tensor(floatsOf(shape).fill(value), shape)

export const ones = (shape: Shape): Tensor => full(shape, 1)

/** Uniform in [0, 1). */
export const rand = (shape: Shape, generator = defaultGenerator()): Tensor =>
  generated(shape, generator, (source) => source.uniform())

/** Standard normal. */
export const randn = (shape: Shape, generator = defaultGenerator()): Tensor =>
  generated(shape, generator, (source) => source.normal())

/** start, start + step, … below end; with one argument, from 0. */
export function arange(start: number, end?: number, step = 1): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end]
  const length = Math.max(0, Math.ceil((to - from) / step))
  const data = floats(length)
  for (let i = 0; i < length; i++) data[i] = from + i * step
  return new Tensor(data, [length])
}

function generated(shape: Shape, generator: Generator, next: (generator: Generator) => number): Tensor {
  const data = floats(sizeOf(shape))
  for (let i = 0; i < data.length; i++) data[i] = next(generator)
  return new Tensor(data, shape)
}

import { FormatError } from '../../core/errors.js'
import { formatShape, type Shape, sizeOf } from '../../core/shape.js'
import type { TensorValues } from '../safetensors.js'
import type { Attributes } from './attributes.js'
import type { Budget } from './budget.js'

/** The inputs of a node in one run, and room for its outputs. */
export class Call {
  /** @param what the node and its file, for messages */
  constructor(
    readonly inputs: readonly (TensorValues | undefined)[],
    readonly budget: Budget,
    readonly what: string,
  ) {}

  fail(problem: string): never {
    throw new FormatError(`${this.what} ${problem}`)
  }

  /** An input that must be there. */
  input(place: number): TensorValues {
    return this.inputs[place] ?? this.fail(`lacks its input ${place + 1}`)
  }

  /** The whole numbers of an input; undefined if it is absent. */
  wholes(place: number): number[] | undefined {
    const value = this.inputs[place]
    if (value && !(value.data instanceof Int32Array))
      this.fail(`has floats as its input ${place + 1}, expected whole numbers`)
    return value && [...value.data]
  }

  /** Asks for room for an output. @throws FormatError for a shape that is none, or that is too large */
  room(shape: Shape): Shape {
    if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0)) {
      this.fail(`makes the shape ${formatShape(shape)}, expected whole numbers of 0 or more`)
    }
    this.budget.values(sizeOf(shape), this.what)
    return shape
  }
}

/** Computes the outputs of a node. */
export type Run = (call: Call) => TensorValues[]

/** Reads the attributes of a node once, for all runs. */
export type Operator = (attributes: Attributes, opset: number, outputs: number) => Run

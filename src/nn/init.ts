import { checkMethods, checkNumber } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { ShapeError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import { defaultGenerator } from '../core/random.js'
import { formatShape, type Shape, sameShape } from '../core/shape.js'
import { zeros as allZero, rand, randn } from '../tensor/create.js'
import { checkTensor, type Tensor } from '../tensor/tensor.js'
import type { Module } from './module.js'

/** Makes the initial values of a parameter. */
export type Initializer = (shape: Shape, generator?: Generator) => Tensor

/** Makes values that are uniform within ±bound. */
export function uniform(bound: number): Initializer {
  checkNumber('uniform', 'bound', bound, -Infinity)
  return (shape, generator) =>
    rand(shape, generator)
      .mul(2 * bound)
      .sub(bound)
}

/** Makes normal values with mean 0 and the given standard deviation. */
export function normal(deviation = 1): Initializer {
  checkNumber('normal', 'deviation', deviation, -Infinity)
  return (shape, generator) => randn(shape, generator).mul(deviation)
}

/** Makes values that are all the same. */
export function constant(value: number): Initializer {
  checkNumber('constant', 'value', value, -Infinity)
  return (shape) => allZero(shape).add(value)
}

/**
 * Gives all weights (rank 2 and more) and all biases (rank 1) of a module new values, but not the gains of layer
 * normalization. `initialize(model, { weight: normal(0.01), bias: constant(0) })` gives the initial values of MXNet's
 * layers.
 */
export function initialize(
  module: Module,
  initializers: { weight?: Initializer; bias?: Initializer },
  generator: Generator = defaultGenerator(),
): void {
  checkMethods('initialize', 'the module', module, ['namedParameters'], 'a Module')
  checkOptions('initialize', initializers, { weight: 'function', bias: 'function' })
  checkMethods('initialize', 'the generator', generator, ['uniform', 'normal'], 'a Generator')
  const { weight, bias } = initializers
  for (const [name, parameter] of module.namedParameters()) {
    if (parameter.rank === 1 && !name.slice(name.lastIndexOf('.') + 1).startsWith('bias')) continue
    const initial = parameter.rank > 1 ? weight : bias
    if (!initial) continue
    const values = initial(parameter.shape, generator)
    checkTensor('initialize', values, `the result of the initializer for ${name}`)
    if (!sameShape(values.shape, parameter.shape)) {
      throw new ShapeError(
        `initialize: the initializer returned the shape ${formatShape(values.shape)} for ${name}, expected ${formatShape(parameter.shape)}`,
      )
    }
    parameter.copy_(values)
  }
}

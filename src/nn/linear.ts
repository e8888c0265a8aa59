import { checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { ShapeError } from '../core/errors.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { formatShape } from '../core/shape.js'
import { linear } from '../tensor/functions.js'
import { floatsIn } from '../tensor/placed.js'
import type { Tensor } from '../tensor/tensor.js'
import { uniform } from './init.js'
import { Module } from './module.js'
import { fixParameter, Parameter } from './parameter.js'
import { linearShapes } from './shapes.js'

/** Options of a linear layer. */
export interface LinearOptions {
  inFeatures: number
  outFeatures: number
  /** Default true. */
  bias?: boolean
  generator?: Generator
}

const linearOptions: OptionKinds<LinearOptions> = {
  inFeatures: 'any',
  outFeatures: 'any',
  bias: 'boolean',
  generator: 'generator',
}

/** y = x Wᵀ + b, with W [outFeatures, inFeatures]; initial values are uniform within ±1/√inFeatures, like PyTorch's. */
export class Linear extends Module {
  readonly inFeatures: number
  readonly outFeatures: number
  declare readonly weight: Parameter
  declare readonly bias: Parameter | undefined

  constructor(options: LinearOptions) {
    super()
    checkOptions('Linear', options, linearOptions)
    const { inFeatures, outFeatures, bias = true, generator = defaultGenerator() } = options
    checkWhole('Linear', 'inFeatures', inFeatures)
    checkWhole('Linear', 'outFeatures', outFeatures)
    this.inFeatures = inFeatures
    this.outFeatures = outFeatures
    const initial = uniform(1 / Math.sqrt(inFeatures))
    const shapes = linearShapes(inFeatures, outFeatures)
    fixParameter(this, 'Linear', 'weight', new Parameter(initial(shapes.weight, generator)))
    fixParameter(this, 'Linear', 'bias', bias ? new Parameter(initial(shapes.bias, generator)) : undefined)
  }

  protected override get typeName(): string {
    return 'Linear'
  }

  /** Maps [n, inFeatures] to [n, outFeatures]; further axes before the last one are kept. */
  forward(x: Tensor): Tensor {
    floatsIn('Linear.forward', x, 'input')
    if (x.rank < 2 || x.shape.at(-1) !== this.inFeatures) {
      throw new ShapeError(
        `Linear.forward: input has the shape ${formatShape(x.shape)}, expected [n, inFeatures = ${this.inFeatures}]`,
      )
    }
    return linear(x, this.weight, this.bias)
  }
}

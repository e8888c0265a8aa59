import { checkNumber, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { ShapeError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { ones, zeros } from '../tensor/create.js'
import { layerNorm } from '../tensor/functions.js'
import { floatsIn } from '../tensor/placed.js'
import type { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'
import { fixParameter, Parameter } from './parameter.js'

/** Options of a layer normalization. */
export interface LayerNormOptions {
  /** The length of the last axis, which is normalized. */
  numFeatures: number
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** Default true. */
  bias?: boolean
}

const layerNormOptions: OptionKinds<LayerNormOptions> = { numFeatures: 'any', eps: 'any', bias: 'boolean' }

/** Layer normalization over the last axis (Ba, Kiros & Hinton 2016): PyTorch's LayerNorm. */
export class LayerNorm extends Module {
  readonly numFeatures: number
  readonly eps: number
  declare readonly weight: Parameter
  declare readonly bias: Parameter | undefined

  constructor(options: LayerNormOptions) {
    super()
    checkOptions('LayerNorm', options, layerNormOptions)
    const { numFeatures, eps = 1e-5, bias = true } = options
    checkWhole('LayerNorm', 'numFeatures', numFeatures)
    checkNumber('LayerNorm', 'eps', eps, 0)
    this.numFeatures = numFeatures
    this.eps = eps
    fixParameter(this, 'LayerNorm', 'weight', new Parameter(ones([numFeatures])))
    fixParameter(this, 'LayerNorm', 'bias', bias ? new Parameter(zeros([numFeatures])) : undefined)
  }

  protected override get typeName(): string {
    return 'LayerNorm'
  }

  /** @throws ShapeError unless the last axis has numFeatures values */
  forward(x: Tensor): Tensor {
    const { shape } = floatsIn('LayerNorm.forward', x, 'input')
    if (shape.at(-1) !== this.numFeatures) {
      throw new ShapeError(
        `LayerNorm.forward: input has the shape ${formatShape(shape)}, expected […, numFeatures = ${this.numFeatures}]`,
      )
    }
    return layerNorm(x, this.weight, this.bias, this.eps)
  }
}

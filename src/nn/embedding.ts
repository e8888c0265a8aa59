import { checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { ShapeError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import { formatShape, sameShape } from '../core/shape.js'
import { gatherRows } from '../tensor/ops/indexing.js'
import { floatsIn, indicesIn } from '../tensor/placed.js'
import { checkTensor, recordOne, type Tensor } from '../tensor/tensor.js'
import { normal } from './init.js'
import { Module } from './module.js'
import { fixParameter, Parameter } from './parameter.js'

/** Options of an embedding. */
export interface EmbeddingOptions {
  numEmbeddings: number
  embeddingDim: number
  /**
   * The weight, [numEmbeddings, embeddingDim]: a parameter to share with another module, or a tensor whose values are
   * the initial ones. Default: a new parameter.
   */
  weight?: Tensor
  generator?: Generator
}

const embeddingOptions: OptionKinds<EmbeddingOptions> = {
  numEmbeddings: 'any',
  embeddingDim: 'any',
  weight: 'any',
  generator: 'generator',
}

/** A learned vector for each token; initial values are standard normal, like PyTorch's. */
export class Embedding extends Module {
  readonly embeddingDim: number
  declare readonly weight: Tensor

  constructor(options: EmbeddingOptions) {
    super()
    checkOptions('Embedding', options, embeddingOptions)
    const { numEmbeddings, embeddingDim, weight, generator } = options
    checkWhole('Embedding', 'numEmbeddings', numEmbeddings)
    checkWhole('Embedding', 'embeddingDim', embeddingDim)
    this.embeddingDim = embeddingDim
    const shape = [numEmbeddings, embeddingDim]
    if (weight !== undefined) checkTensor('Embedding', weight, 'weight')
    if (weight && !sameShape(weight.shape, shape)) {
      throw new ShapeError(
        `Embedding: weight has the shape ${formatShape(weight.shape)}, expected ${formatShape(shape)}`,
      )
    }
    const parameter = weight?.isParameter ? weight : new Parameter(weight ?? normal()(shape, generator))
    fixParameter(this, 'Embedding', 'weight', parameter)
  }

  protected override get typeName(): string {
    return 'Embedding'
  }

  /**
   * @param tokens int32
   * @returns their vectors, tokens.shape + [embeddingDim]
   * @throws ShapeError for a token out of range
   */
  forward(tokens: Tensor): Tensor {
    const where = 'Embedding.forward'
    const rows = gatherRows(where, floatsIn(where, this.weight, 'weight'), indicesIn(where, tokens, 'input'))
    return recordOne([this.weight], rows)
  }
}

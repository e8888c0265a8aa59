import { checkWhole } from '../core/check.js'
import type { Generator } from '../core/random.js'
import type { Tensor } from '../tensor/tensor.js'
import { normal } from './init.js'
import { Module } from './module.js'

export interface EmbeddingOptions {
  numEmbeddings: number
  embeddingDim: number
  generator?: Generator
}

/** A learned vector for each token; initial values standard normal, as PyTorch's. */
export class Embedding extends Module {
  readonly weight: Tensor

  constructor({ numEmbeddings, embeddingDim, generator }: EmbeddingOptions) {
    super()
    checkWhole('Embedding', 'numEmbeddings', numEmbeddings)
    checkWhole('Embedding', 'embeddingDim', embeddingDim)
    this.weight = normal()([numEmbeddings, embeddingDim], generator).requiresGrad_()
  }

  /** Tokens, int32 of any shape, to that shape + [embeddingDim]. @throws ShapeError for a token out of range */
  forward(tokens: Tensor): Tensor {
    return this.weight.gatherRows(tokens)
  }
}

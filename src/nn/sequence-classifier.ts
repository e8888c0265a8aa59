import { checkWord } from '../core/check.js'
import type { OptionKinds } from '../core/check-options.js'
import { fromData } from '../tensor/create.js'
import { concatenate } from '../tensor/functions.js'
import { Tensor } from '../tensor/tensor.js'
import { LabelModel, type LabelModelOptions, labelModelOptions } from './label-model.js'
import type { RecurrentLayer } from './recurrent.js'
import type { RecurrentState } from './recurrent-state.js'
import type { ForwardOptions } from './sequences.js'

/**
 * What a SequenceClassifier's linear output reads: the `last` hidden state of each direction of the top layer, which for the
 * reverse direction is that at the first token; or the `mean` of the top layer's hidden states over the tokens.
 */
export type Pooling = 'last' | 'mean'

export const poolings: readonly Pooling[] = ['last', 'mean']

/** Options of a SequenceClassifier besides those of its recurrent layer. */
export interface SequenceClassifierOptions extends LabelModelOptions {
  /** Default 'last'. */
  pooling?: Pooling
}

const classifierOptions: OptionKinds<SequenceClassifierOptions> = { ...labelModelOptions, pooling: 'any' }

/**
 * One label for a whole sequence of tokens: one-hot tokens or their embedding, a recurrent layer, the last state or the mean
 * over time, and a linear output over the labels. It takes any recurrent layer with `inputSize` = `vocabSize`, or with
 * `inputSize` = `embeddingSize` if there is an embedding.
 */
export class SequenceClassifier<S extends RecurrentState = RecurrentState> extends LabelModel<S> {
  readonly pooling: Pooling

  /**
   * @throws OptionError if the layer's inputSize is not the size of the vocabulary or of the embedding, if the layer has
   *   `batchFirst`, or for fewer than 2 labels
   */
  constructor(rnn: RecurrentLayer<S>, vocabSize: number, numLabels: number, options: SequenceClassifierOptions = {}) {
    super('SequenceClassifier', rnn, vocabSize, numLabels, options, classifierOptions)
    const { pooling = 'last' } = options
    checkWord('SequenceClassifier', 'pooling', pooling, poolings)
    this.pooling = pooling
  }

  /**
   * @param inputs tokens, int32 [batch, numSteps]
   * @param options `lengths` of sequences that are not all as long as the input
   * @returns the scores of the labels, [batch, numLabels]
   */
  override forward(inputs: Tensor, options: ForwardOptions = {}): Tensor {
    const { output, state, lengths } = this.run(inputs, options)
    const { numDirections, numLayers } = this.rnn
    if (this.pooling === 'last') {
      const h = state instanceof Tensor ? state : state.h
      const first = (numLayers - 1) * numDirections
      const directions = Array.from({ length: numDirections }, (_, direction) => h.select(0, first + direction))
      return this.scoresOf(concatenate(directions, 1))
    }
    if (!lengths) return this.scoresOf(output.mean(0))
    // The output is 0 after the end of a sequence.
    const shares = fromData(
      Float32Array.from(lengths, (length) => 1 / length),
      [lengths.length, 1],
    )
    return this.scoresOf(output.sum(0).mul(shares.to(output.device)))
  }
}

import { spreadRows, takeRows } from '../tensor/rows.js'
import type { Tensor } from '../tensor/tensor.js'
import { LabelModel, type LabelModelOptions, labelModelOptions } from './label-model.js'
import type { RecurrentLayer } from './recurrent.js'
import type { RecurrentState } from './recurrent-state.js'
import type { ForwardOptions } from './sequences.js'

/**
 * A label for each token of a sequence: one-hot tokens or their embedding, a recurrent layer, and a linear output of its hidden
 * state at each token. With a bidirectional layer, a label also depends on the tokens that follow.
 */
export class SequenceTagger<S extends RecurrentState = RecurrentState> extends LabelModel<S> {
  /**
   * @throws OptionError if the layer's inputSize is not the size of the vocabulary or of the embedding, if the layer has
   *   `batchFirst`, or for fewer than 2 labels
   */
  constructor(rnn: RecurrentLayer<S>, vocabSize: number, numLabels: number, options: LabelModelOptions = {}) {
    super('SequenceTagger', rnn, vocabSize, numLabels, options, labelModelOptions)
  }

  /**
   * @param inputs tokens, int32 [batch, numSteps]
   * @param options `lengths` of sequences that are not all as long as the input; the scores after their ends are 0
   * @returns the scores of the labels of each token, [batch, numSteps, numLabels]
   */
  override forward(inputs: Tensor, options: ForwardOptions = {}): Tensor {
    const { output, lengths } = this.run(inputs, options)
    const [batch, numSteps] = inputs.shape
    const states = output.reshape(-1, this.linear.inFeatures)
    // The numbers of the tokens' rows, sequence by sequence, among states by time and among scores by sequence.
    const [from, to]: [number[], number[]] = [[], []]
    for (let row = 0; row < batch; row++) {
      for (let step = 0; step < (lengths?.[row] ?? numSteps); step++) {
        from.push(step * batch + row)
        to.push(row * numSteps + step)
      }
    }
    const scores = this.scoresOf(takeRows(states, Int32Array.from(from)))
    const all = lengths ? spreadRows(scores, Int32Array.from(to), batch * numSteps) : scores
    return all.reshape(batch, numSteps, this.numLabels)
  }
}

import { checkWhole } from '../core/check.js'
import { OptionError, ShapeError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import { formatShape } from '../core/shape.js'
import { kernels } from '../kernels/index.js'
import type { FloatArray, Stepper } from '../kernels/kernels.js'
import type { Tensor } from '../tensor/tensor.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import type { RecurrentLayer, RecurrentState } from './recurrent.js'

/**
 * The book's `RNNModel`: one-hot tokens, a recurrent layer, and a linear output over the vocabulary. Takes
 * any recurrent layer of `inputSize` = `vocabSize`.
 */
export class RNNModel<S extends RecurrentState = RecurrentState> extends Module {
  readonly rnn: RecurrentLayer<S>
  readonly linear: Linear
  readonly vocabSize: number

  /** @throws OptionError where the layer's inputSize is not the vocabulary's size, or it has `batchFirst` */
  constructor(rnn: RecurrentLayer<S>, vocabSize: number, options: { generator?: Generator } = {}) {
    super()
    checkWhole('RNNModel', 'vocabSize', vocabSize)
    if (rnn.inputSize !== vocabSize) {
      throw new OptionError(
        `RNNModel: the layer has inputSize = ${rnn.inputSize}, expected the vocabulary's size ${vocabSize}`,
      )
    }
    if (rnn.batchFirst) {
      throw new OptionError(
        'RNNModel: the layer has batchFirst, expected time first; the model transposes its inputs itself',
      )
    }
    this.rnn = rnn
    this.vocabSize = vocabSize
    const inFeatures = rnn.numDirections * rnn.hiddenSize
    this.linear = new Linear({ inFeatures, outFeatures: vocabSize, generator: options.generator })
  }

  /**
   * @param inputs tokens, int32 [batch, numSteps]
   * @param state of the layer; zeros where absent
   * @returns `output` [numSteps × batch, vocabSize], the scores of the next token with time as the slow
   *   axis (so labels are transposed before they are flattened), and the new `state`
   */
  forward(inputs: Tensor, state?: S): { output: Tensor; state: S } {
    if (inputs.dtype !== 'int32' || inputs.rank !== 2) {
      throw new ShapeError(
        `RNNModel.forward: inputs are ${inputs.dtype} of the shape ${formatShape(inputs.shape)}, expected int32 tokens [batch, numSteps]`,
      )
    }
    const tokens = inputs.transpose(0, 1)
    if (this.rnn.takesHead && this.linear.forward === Linear.prototype.forward) {
      const { output, state: next } = this.rnn.forwardTo(this.linear, tokens, state)
      return { output: output.reshape(-1, this.vocabSize), state: next }
    }
    const { output, state: next } = this.rnn.forward(tokens, state)
    return { output: this.linear.forward(output.reshape(-1, this.linear.inFeatures)), state: next }
  }

  /**
   * The model as it is now, ready to run token by token: many times faster than `forward` for one step, as
   * the weights are packed once. Dropout is off. @throws OptionError for a bidirectional model
   */
  stepper(batchSize = 1): Stepper {
    checkWhole('RNNModel.stepper', 'batchSize', batchSize)
    const { weight, bias } = this.linear
    const output = { weight: weight.data as FloatArray, bias: bias?.data as FloatArray, outFeatures: this.vocabSize }
    return kernels().stepper({ layers: this.rnn.stack(), ...output }, batchSize)
  }

  /** A state of zeros for `batchSize` sequences. */
  beginState(batchSize = 1): S {
    return this.rnn.beginState(batchSize)
  }
}

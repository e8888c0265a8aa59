// The model of the section, written out as a class of one's own, beside the library's RNNModel: with the same
// parameters, both give the same numbers.
//   npm run example examples/rnn-model.ts

// %% model
import {
  Linear,
  loadTimeMachine,
  Module,
  oneHot,
  type RecurrentLayer,
  type RecurrentState,
  RNN,
  RNNModel,
  type Tensor,
} from 'unrolled'

class MyRNNModel<S extends RecurrentState> extends Module {
  readonly linear: Linear

  constructor(
    readonly rnn: RecurrentLayer<S>,
    readonly vocabSize: number,
  ) {
    super()
    this.linear = new Linear({ inFeatures: rnn.numDirections * rnn.hiddenSize, outFeatures: vocabSize })
  }

  /** Scores [numSteps × batch, vocab] of the tokens [batch, numSteps], and the new state. */
  forward(inputs: Tensor, state?: S) {
    const X = oneHot(inputs.T, this.vocabSize)
    const { output: Y, state: next } = this.rnn.forward(X, state)
    return { output: this.linear.forward(Y.reshape(-1, this.linear.inFeatures)), state: next }
  }

  beginState(batchSize = 1): S {
    return this.rnn.beginState(batchSize)
  }
}

// %% same
const { data, vocab } = await loadTimeMachine({ batchSize: 32, numSteps: 35 })
const rnnLayer = new RNN({ inputSize: vocab.size, hiddenSize: 256 })
const mine = new MyRNNModel(rnnLayer, vocab.size)
const theirs = new RNNModel(rnnLayer, vocab.size)
theirs.linear.loadStateDict(mine.linear.stateDict())

const [{ x }] = data.batches()
const [a, b] = [mine.forward(x).output, theirs.forward(x).output]
console.log('x.shape', x.shape, 'output.shape', a.shape)
console.log('largest difference', await a.sub(b).abs().max().item())

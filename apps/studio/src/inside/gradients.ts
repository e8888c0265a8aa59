import {
  crossEntropy,
  fromData,
  Generator,
  Linear,
  LSTM,
  noGrad,
  RNN,
  type RNNModel,
  type Tensor,
} from 'unrolled/browser'
import type { Layers } from './states'

/** The tensors of a state, which have gradients of their own. */
type Parts = Tensor[]

const partsOf = (state: unknown): Parts => {
  const { h, c } = Object(state) as { h?: Tensor; c?: Tensor }
  return h && c ? [h, c] : [state as Tensor]
}

const stateOf = (parts: Parts): unknown => (parts.length === 2 ? { h: parts[0], c: parts[1] } : parts[0])

/** Recurrent layers as they read something, and what they lose at its end. */
export interface Followed {
  rnn: Layers
  linear: Linear
  /** What they read at each step: a token [1, 1], or features [1, 1, inputSize]. */
  inputs: readonly Tensor[]
  /** What is differentiated, of the linear output of the last state. */
  loss: (output: Tensor) => Tensor
}

/** Steps that gradients are followed back. */
const MOST_STEPS = 60

/** A model that reads tokens but the last, which is what it is to predict. */
export function followedText({ rnn, linear, embedding }: RNNModel, tokens: Int32Array): Followed {
  const last = fromData(tokens.slice(-1), [1])
  const inputs = Array.from(tokens.subarray(0, -1), (token) => {
    const one = fromData(Int32Array.of(token), [1, 1])
    return embedding ? embedding.forward(one) : one
  })
  return { rnn, linear, inputs, loss: (output) => crossEntropy(output, last) }
}

/**
 * The norms of the gradients of the loss with respect to the states 1, 2, … steps before the last output: how much the model
 * could learn from what lies so far back; none if nothing is read. Each step is differentiated by itself, and the chain rule
 * joins them.
 */
export function gradientNorms({ rnn, linear, inputs, loss }: Followed): number[] {
  if (inputs.length === 0) return []
  return rnn.inEval(() => {
    const before: Parts[] = []
    const after: Parts[] = []
    const skipped = Math.max(0, inputs.length - MOST_STEPS)
    let parts = noGrad(() =>
      inputs.slice(0, skipped).reduce(
        (parts, input) => {
          const { state } = rnn.forward(input, stateOf(parts) as never)
          return partsOf(state)
        },
        partsOf(rnn.beginState(1)),
      ),
    )
    let output: Tensor | undefined
    for (const input of inputs.slice(skipped)) {
      const leaves = parts.map((part) => part.detach().requiresGrad_())
      const made = rnn.forward(input, stateOf(leaves) as never)
      before.push(leaves)
      parts = partsOf(made.state)
      after.push(parts)
      output = made.output
    }
    const norms: number[] = []
    loss(linear.forward(output!.reshape(1, -1))).backward()
    const steps = before.length
    let gradients = before[steps - 1].map((leaf) => leaf.grad!.detach())
    norms.push(norm(gradients))
    for (let t = steps - 2; t >= 0; t--) {
      const products = after[t].map((part, i) => part.mul(gradients[i]).sum())
      products.reduce((sum, product) => sum.add(product)).backward()
      gradients = before[t].map((leaf) => leaf.grad!.detach())
      norms.push(norm(gradients))
    }
    return norms
  })
}

const norm = (parts: Parts): number => Math.hypot(...parts.flatMap(({ data }) => [...data]))

/** An RNN and an LSTM of the same sizes in place of the layers of a model, before they have learned anything. */
export function newLayers({ rnn, linear, ...rest }: Followed): Record<'rnn' | 'lstm', Followed> {
  const generator = new Generator(0)
  const { inputSize, hiddenSize } = rnn
  const sizes = { inputSize, hiddenSize, generator }
  const head = () => new Linear({ inFeatures: hiddenSize, outFeatures: linear.outFeatures, generator })
  return {
    rnn: { ...rest, rnn: new RNN(sizes), linear: head() },
    lstm: { ...rest, rnn: new LSTM(sizes), linear: head() },
  }
}

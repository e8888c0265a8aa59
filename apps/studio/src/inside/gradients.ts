import { crossEntropy, fromData, Generator, LSTM, RNN, RNNModel, type Tensor } from 'unrolled/browser'

/** The tensors of a state, which have gradients of their own. */
type Parts = Tensor[]

const partsOf = (state: unknown): Parts => {
  const { h, c } = Object(state) as { h?: Tensor; c?: Tensor }
  return h && c ? [h, c] : [state as Tensor]
}

const stateOf = (parts: Parts): unknown => (parts.length === 2 ? { h: parts[0], c: parts[1] } : parts[0])

/**
 * The norms of the gradients of the last token's loss with respect to the states 1, 2, … steps before it: how much the model
 * could learn from what lies so far back; none for fewer than two tokens. Each step is differentiated by itself, and the chain
 * rule joins them.
 */
export function gradientNorms(model: RNNModel, tokens: Int32Array): number[] {
  const steps = tokens.length - 1
  if (steps < 1) return []
  return model.inEval(() => {
    const before: Parts[] = []
    const after: Parts[] = []
    let parts = partsOf(model.beginState(1))
    let output: Tensor | undefined
    for (let t = 0; t < steps; t++) {
      const leaves = parts.map((part) => part.detach().requiresGrad_())
      const made = model.forward(fromData(tokens.slice(t, t + 1), [1, 1]), stateOf(leaves) as never)
      before.push(leaves)
      parts = partsOf(made.state)
      after.push(parts)
      output = made.output
    }
    const norms: number[] = []
    crossEntropy(output!, fromData(tokens.slice(steps), [1])).backward()
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

/** What a model is compared with: models that have learned nothing. */
export type ComparedModels = Record<'rnn' | 'lstm', RNNModel>

/** An RNN and an LSTM of these sizes, before they have learned anything. */
export function newModels(vocabSize: number, hiddenSize: number): ComparedModels {
  const generator = new Generator(0)
  const options = { inputSize: vocabSize, hiddenSize, generator }
  return {
    rnn: new RNNModel(new RNN(options), vocabSize, { generator }),
    lstm: new RNNModel(new LSTM(options), vocabSize, { generator }),
  }
}

import type { Corpus } from '../data/sequences.js'
import { fromData } from '../tensor/create.js'
import type { SequenceData } from '../data/sequences.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/recurrent.js'
import { noGrad } from '../tensor/autograd.js'
import { crossEntropy } from '../tensor/functions.js'

export interface Evaluation {
  /** Mean over the tokens, in nats. */
  loss: number
  /** e^loss */
  perplexity: number
  tokens: number
}

/** The loss of a model over one pass of the data, without training; dropout is off. The state goes as in training. */
export async function evaluate<S extends RecurrentState>(model: RNNModel<S>, data: SequenceData): Promise<Evaluation> {
  const training = model.training
  let state: S | undefined
  let [sum, tokens] = [0, 0]
  for (const { x, y } of data.batches()) {
    model.eval()
    const { output, state: next } = noGrad(() => model.forward(x, data.sampling === 'sequential' ? state : undefined))
    model.train(training)
    state = next
    sum += (await crossEntropy(output, y.T.reshape(-1)).item()) * y.size
    tokens += y.size
  }
  const loss = sum / tokens
  return { loss, perplexity: Math.exp(loss), tokens }
}

export async function evaluateCorpus(model: RNNModel, corpus: Corpus, { batchSize = 1, numSteps = 35, signal }: { batchSize?: number; numSteps?: number; signal?: AbortSignal } = {}): Promise<Evaluation> {
  const training = model.training
  model.eval()
  let state: RecurrentState | undefined
  let [sum, tokens] = [0, 0]
  for (let at = 0; at + 1 < corpus.length && !signal?.aborted; at += numSteps) {
    const n = Math.min(numSteps, corpus.length - 1 - at)
    const x = fromData(Int32Array.from(corpus.subarray(at, at + n)), [1, n])
    const y = fromData(Int32Array.from(corpus.subarray(at + 1, at + 1 + n)), [n])
    const { output, state: next } = noGrad(() => model.forward(x, state))
    state = next
    sum += (await crossEntropy(output, y).item()) * n
    tokens += n
  }
  model.train(training)
  return { loss: sum / tokens, perplexity: Math.exp(sum / tokens), tokens }
}

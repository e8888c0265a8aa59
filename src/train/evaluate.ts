import { checkWhole } from '../core/check.js'
import { DataError, OptionError } from '../core/errors.js'
import { Turns } from '../core/turn.js'
import type { Corpus, SequenceData } from '../data/sequences.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/state.js'
import { noGrad } from '../tensor/autograd.js'
import { fromData } from '../tensor/create.js'
import { crossEntropy } from '../tensor/functions.js'
import { Tensor } from '../tensor/tensor.js'

export interface Evaluation {
  /** Mean over the tokens, in nats. */
  loss: number
  /** e^loss */
  perplexity: number
  /** The loss in bits. */
  bitsPerToken: number
  /** Tokens that were foretold. */
  tokens: number
}

export interface EvaluateOptions {
  /** Rows that the text is cut into, to be read side by side. Default 1: one state goes through the whole text. */
  batchSize?: number
  /** Tokens of a row that are read at a time; changes the speed, not the result. Default 128. */
  numSteps?: number
  /** Ends the evaluation early; the result is then that of what was read: losses of NaN where nothing was. */
  signal?: AbortSignal
  /** @param done part of the text that was read */
  onProgress?: (done: number) => void
}

/** The loss of a model over one pass of the data, without training; dropout is off. The state goes as in training. */
export async function evaluate<S extends RecurrentState>(model: RNNModel<S>, data: SequenceData): Promise<Evaluation> {
  const sums = new Sums(model)
  let state: S | undefined
  for (const { x, y } of data.batches())
    state = await sums.add(x, y, data.sampling === 'sequential' ? state : undefined)
  return sums.result()
}

/**
 * The loss of a model over a whole text, without training; dropout is off. Every token but the first is foretold
 * once, and the state is carried through the text: through each of its `batchSize` contiguous rows, which begin
 * with a state of zeros; what is left over is read after the last row.
 * @throws DataError for a text of fewer than 2 tokens; OptionError for sizes that are not whole, or a bidirectional model
 */
export async function evaluateCorpus<S extends RecurrentState>(
  model: RNNModel<S>,
  corpus: Corpus,
  { batchSize = 1, numSteps = 128, signal, onProgress }: EvaluateOptions = {},
): Promise<Evaluation> {
  checkWhole('evaluateCorpus', 'batchSize', batchSize)
  checkWhole('evaluateCorpus', 'numSteps', numSteps)
  if (model.rnn.bidirectional) {
    throw new OptionError(
      'evaluateCorpus: the model is bidirectional, expected one direction: it sees the tokens that it is to foretell',
    )
  }
  const labels = corpus.length - 1
  if (labels < 1) {
    throw new DataError(`evaluateCorpus: the text has ${corpus.length} tokens, expected at least 2`)
  }
  const rows = Math.min(batchSize, labels)
  const width = Math.floor(labels / rows)
  const sums = new Sums(model)
  const turns = new Turns()
  let state: S | undefined
  const read = async (starts: number[], length: number) => {
    for (let at = 0; at < length && !signal?.aborted; at += numSteps) {
      const steps = Math.min(numSteps, length - at)
      const tokens = (shift: number): Tensor => {
        const data = new Int32Array(starts.length * steps)
        starts.forEach((start, row) => {
          const from = start + at + shift
          data.set(corpus.subarray(from, from + steps), row * steps)
        })
        return fromData(data, [starts.length, steps])
      }
      state = await sums.add(tokens(0), tokens(1), state)
      onProgress?.(sums.tokens / labels)
      await turns.take()
    }
  }
  await read(
    Array.from({ length: rows }, (_, row) => row * width),
    width,
  )
  if (state && rows * width < labels) state = lastRow(state, rows)
  await read([rows * width], labels - rows * width)
  return sums.result()
}

/** Losses of a model, added up batch by batch. */
class Sums<S extends RecurrentState> {
  #loss = 0
  tokens = 0

  constructor(readonly model: RNNModel<S>) {}

  /** @returns the state after the batch */
  async add(x: Tensor, y: Tensor, state: S | undefined): Promise<S> {
    const { output, state: next } = this.#forward(x, state)
    this.#loss += (await crossEntropy(output, y.T.reshape(-1)).item()) * y.size
    this.tokens += y.size
    return next
  }

  /** Whatever comes of it, the model is in its mode again before anybody else has a turn. */
  #forward(x: Tensor, state: S | undefined): { output: Tensor; state: S } {
    const { training } = this.model
    this.model.eval()
    try {
      return noGrad(() => this.model.forward(x, state))
    } finally {
      this.model.train(training)
    }
  }

  result(): Evaluation {
    const loss = this.#loss / this.tokens
    return { loss, perplexity: Math.exp(loss), bitsPerToken: loss / Math.LN2, tokens: this.tokens }
  }
}

/** The state of the last of `rows` sequences. */
function lastRow<S extends RecurrentState>(state: S, rows: number): S {
  const last = (part: Tensor) => part.slice(1, rows - 1)
  return (state instanceof Tensor ? last(state) : { h: last(state.h), c: last(state.c) }) as S
}

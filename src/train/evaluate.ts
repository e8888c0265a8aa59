import { checkMethods, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { DataError, OptionError } from '../core/errors.js'
import { Turns } from '../core/turn.js'
import { type Corpus, checkCorpus, type SequenceData } from '../data/sequences.js'
import { checkRNNModel, type RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/recurrent-state.js'
import { noGrad } from '../tensor/autograd.js'
import { fromData } from '../tensor/create.js'
import { crossEntropy } from '../tensor/losses.js'
import { Tensor } from '../tensor/tensor.js'

/** How well a model predicts a text. */
export interface Evaluation {
  /** The mean over the tokens, in nats; NaN if scores exceed 32-bit floats, as those of a diverged model do. */
  loss: number
  /** e^loss */
  perplexity: number
  /** The loss in bits. */
  bitsPerToken: number
  /** The number of tokens that were predicted. */
  tokens: number
}

/** Options of an evaluation. */
export interface EvaluateOptions {
  /**
   * The number of rows that the text is cut into, to be read side by side. Default 1: one state runs through it all.
   */
  batchSize?: number
  /** The number of tokens of a row that are read at a time; affects the speed, not the result. Default 128. */
  numSteps?: number
  /** Ends the evaluation, which throws the signal's reason. */
  signal?: AbortSignal
  /** Called with the part of the text that was read, from 0 to 1. */
  onProgress?: (done: number) => void
}

export const evaluateOptions: OptionKinds<EvaluateOptions> = {
  batchSize: 'any',
  numSteps: 'any',
  signal: 'signal',
  onProgress: 'function',
}

/**
 * The loss of a model over one pass of the data, without training; dropout is off. The state is carried as in training.
 * @throws the signal's reason
 */
export async function evaluate<S extends RecurrentState>(
  model: RNNModel<S>,
  data: SequenceData,
  options: Pick<EvaluateOptions, 'signal'> = {},
): Promise<Evaluation> {
  checkOptions('evaluate', options, { signal: 'signal' })
  checkRNNModel('evaluate', model)
  checkMethods('evaluate', 'data', data, ['batches'], 'SequenceData')
  const losses = new Losses()
  const turns = new Turns()
  let carried: S | undefined
  for (const { x, y } of data.batches()) {
    options.signal?.throwIfAborted()
    const { output, state } = scoresOf(model, x, carried)
    await losses.add(output, y.T.reshape(-1))
    if (data.sampling === 'sequential') carried = state
    await turns.take()
  }
  return losses.result()
}

/**
 * The loss of a model over a whole text, without training; dropout is off. Every token but the first is predicted once.
 * The text is cut into `batchSize` contiguous rows: each begins with a state of zeros, which is carried through the
 * row. Tokens that are left over continue the last row.
 * @throws DataError for a text of fewer than 2 tokens; OptionError for sizes that are not whole, or a bidirectional
 *   model; the signal's reason
 */
export async function evaluateCorpus(
  model: RNNModel,
  corpus: Corpus,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkOptions('evaluateCorpus', options, evaluateOptions)
  const losses = new Losses()
  await scoreCorpus('evaluateCorpus', model, corpus, options, (scores, labels) => losses.add(scores, labels))
  return losses.result()
}

/**
 * Reads a text as `evaluateCorpus` does.
 * @param see called with the scores [rows, vocabSize] of a piece of the text, and the tokens [rows] that follow
 */
export async function scoreCorpus<S extends RecurrentState>(
  where: string,
  model: RNNModel<S>,
  corpus: Corpus,
  { batchSize = 1, numSteps = 128, signal, onProgress }: EvaluateOptions,
  see: (scores: Tensor, labels: Tensor) => Promise<void> | void,
): Promise<void> {
  checkWhole(where, 'batchSize', batchSize)
  checkWhole(where, 'numSteps', numSteps)
  checkReadable(where, model, corpus)
  const labels = corpus.length - 1
  const rows = Math.min(batchSize, labels)
  const width = Math.floor(labels / rows)
  const turns = new Turns()
  let state: S | undefined
  let done = 0
  const read = async (starts: number[], length: number) => {
    for (let at = 0; at < length; at += numSteps) {
      signal?.throwIfAborted()
      const steps = Math.min(numSteps, length - at)
      const tokens = (shift: number): Tensor => {
        const data = new Int32Array(starts.length * steps)
        starts.forEach((start, row) => {
          const from = start + at + shift
          data.set(corpus.subarray(from, from + steps), row * steps)
        })
        return fromData(data, [starts.length, steps])
      }
      const { output, state: next } = scoresOf(model, tokens(0), state)
      state = next
      await see(output, tokens(1).T.reshape(-1))
      done += starts.length * steps
      onProgress?.(done / labels)
      await turns.take()
    }
  }
  await read(
    Array.from({ length: rows }, (_, row) => row * width),
    width,
  )
  if (state && rows * width < labels) state = lastRow(state, rows)
  await read([rows * width], labels - rows * width)
}

/**
 * Checks that a model can be measured on a text.
 * @throws OptionError for a bidirectional model, or for anything but a corpus; DataError for fewer than 2 tokens
 */
export function checkReadable(where: string, model: RNNModel, corpus: Corpus): void {
  checkRNNModel(where, model)
  if (model.rnn.bidirectional) {
    throw new OptionError(
      `${where}: the model is bidirectional, expected one direction: a backward direction sees the tokens that it has to predict`,
    )
  }
  checkCorpus(where, 'the corpus', corpus)
  if (corpus.length < 2) throw new DataError(`${where}: the text has ${corpus.length} tokens, expected at least 2`)
}

/** The model's output without dropout; each module is back in its mode before other code can run. */
function scoresOf<S extends RecurrentState>(model: RNNModel<S>, x: Tensor, state: S | undefined) {
  return model.inEval(() => noGrad(() => model.forward(x, state)))
}

/** Adds up losses of batches; reads them off the device several at a time. */
class Losses {
  #sum = 0
  #tokens = 0
  #waiting: { loss: Tensor; tokens: number }[] = []

  async add(scores: Tensor, labels: Tensor): Promise<void> {
    this.#waiting.push({ loss: crossEntropy(scores, labels), tokens: labels.size })
    if (this.#waiting.length >= scores.device.readEvery) await this.#read()
  }

  async result(): Promise<Evaluation> {
    await this.#read()
    return evaluationOf(this.#sum / this.#tokens, this.#tokens)
  }

  async #read(): Promise<void> {
    const losses = await Promise.all(this.#waiting.map(({ loss }) => loss.item()))
    for (const [i, { tokens }] of this.#waiting.entries()) {
      this.#sum += losses[i] * tokens
      this.#tokens += tokens
    }
    this.#waiting = []
  }
}

export const evaluationOf = (loss: number, tokens: number): Evaluation => ({
  loss,
  perplexity: Math.exp(loss),
  bitsPerToken: loss / Math.LN2,
  tokens,
})

/** The state of the last of `rows` sequences. */
function lastRow<S extends RecurrentState>(state: S, rows: number): S {
  const last = (part: Tensor) => part.slice(1, rows - 1)
  return (state instanceof Tensor ? last(state) : { h: last(state.h), c: last(state.c) }) as S
}

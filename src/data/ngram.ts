import { checkWhole } from '../core/check.js'
import { DataError } from '../core/errors.js'
import { Turns } from '../core/turn.js'
import type { Corpus } from './sequences.js'

/** What n-grams make of a text: a yardstick for language models. */
export interface Baseline {
  /** Tokens of an n-gram: 1 for frequencies alone. */
  order: number
  /** Mean over the foretold tokens, in nats. */
  loss: number
  perplexity: number
}

export interface BaselineOptions {
  /** The longest n-grams. Default 6; fewer where the vocabulary is so large that they could not be numbered. */
  maxOrder?: number
  /** Tokens at the beginning of the text that are counted, at most. Default 20 million: some 2 GB for order 6 of varied text. */
  maxTokens?: number
  signal?: AbortSignal
  /** @param done part of the work */
  onProgress?: (done: number) => void
}

/** Tokens that are read at once. */
const WINDOW = 65_536

/**
 * Interpolated n-gram model with Witten–Bell smoothing (Witten & Bell 1991; Chen & Goodman 1998, section 2.5):
 *
 *     P(w | h) = (c(h w) + T(h) P(w | h')) / (c(h) + T(h))
 *
 * with c(h) the number of tokens that followed the context h, T(h) the number of different ones, h' the context
 * without its first token, and every token equally likely below the first order. P sums to 1 over the vocabulary.
 */
export class NgramModel {
  readonly maxOrder: number
  /** For each order, how often each n-gram is there. */
  readonly #grams: Counts[]
  /** For each order, c(h) and T(h) of each context. */
  readonly #totals: Counts[]
  readonly #types: Counts[]

  constructor(
    readonly vocabSize: number,
    maxOrder: number,
  ) {
    checkWhole('NgramModel', 'vocabSize', vocabSize)
    checkWhole('NgramModel', 'maxOrder', maxOrder)
    // An n-gram's number, its tokens as digits, must be exact.
    this.maxOrder = Math.max(1, Math.min(maxOrder, Math.floor(Math.log(2 ** 53) / Math.log(Math.max(vocabSize, 2)))))
    const make = () => Array.from({ length: this.maxOrder }, () => new Counts())
    this.#grams = make()
    this.#totals = make()
    this.#types = make()
  }

  /** Counts the n-grams that end at each of `tokens` from `from` on; those before are context. */
  count(tokens: ArrayLike<number>, from: number): void {
    for (let i = from; i < tokens.length; i++) {
      const longest = Math.min(this.maxOrder, i + 1)
      let context = 0
      let scale = 1
      for (let n = 0; n < longest; n++) {
        if (n > 0) {
          context += tokens[i - n] * scale
          scale *= this.vocabSize
        }
        if (this.#grams[n].add(context * this.vocabSize + tokens[i]) === 1) this.#types[n].add(context)
        this.#totals[n].add(context)
      }
    }
  }

  /** P(tokens[i] | the tokens before it) by n-grams of each order, written to `probabilities` from order 1 on. */
  probabilities(tokens: ArrayLike<number>, i: number, probabilities: Float64Array): void {
    let p = 1 / this.vocabSize
    let context = 0
    let scale = 1
    for (let n = 0; n < this.maxOrder; n++) {
      if (n > 0 && n <= i) {
        context += tokens[i - n] * scale
        scale *= this.vocabSize
      }
      if (n <= i) {
        const types = this.#types[n].get(context)
        const total = this.#totals[n].get(context)
        if (total > 0) {
          p = (this.#grams[n].get(context * this.vocabSize + tokens[i]) + types * p) / (total + types)
        }
      }
      probabilities[n] = p
    }
  }
}

/**
 * The losses of n-gram models of every order up to the longest, counted on one text and foretelling another.
 * @throws DataError where either is empty
 */
export async function ngramBaselines(
  train: Corpus,
  test: Corpus,
  vocabSize: number,
  { maxOrder = 6, maxTokens = 20_000_000, signal, onProgress }: BaselineOptions = {},
): Promise<Baseline[]> {
  if (train.length === 0 || test.length === 0) {
    throw new DataError(
      `ngramBaselines: the texts have ${train.length} and ${test.length} tokens, expected some in both`,
    )
  }
  const model = new NgramModel(vocabSize, maxOrder)
  const length = Math.min(train.length, maxTokens)
  const work = length + test.length
  const turns = new Turns()
  const read = async (
    corpus: Corpus,
    length: number,
    done: number,
    take: (tokens: ArrayLike<number>, from: number) => void,
  ) => {
    for (let at = 0; at < length && !signal?.aborted; at += WINDOW) {
      const from = Math.max(0, at - model.maxOrder + 1)
      take(corpus.subarray(from, Math.min(length, at + WINDOW)), at - from)
      onProgress?.((done + Math.min(length, at + WINDOW)) / work)
      await turns.take()
    }
  }
  await read(train, length, 0, (tokens, from) => model.count(tokens, from))
  const sums = new Float64Array(model.maxOrder)
  const probabilities = new Float64Array(model.maxOrder)
  await read(test, test.length, length, (tokens, from) => {
    for (let i = from; i < tokens.length; i++) {
      model.probabilities(tokens, i, probabilities)
      for (let n = 0; n < sums.length; n++) sums[n] -= Math.log(probabilities[n])
    }
  })
  return Array.from(sums, (sum, n) => {
    const loss = sum / test.length
    return { order: n + 1, loss, perplexity: Math.exp(loss) }
  })
}

/** Counts by whole numbers below 2⁵³: a hash table with open addressing, 12 bytes a place. */
class Counts {
  #keys = new Float64Array(64).fill(-1)
  #values = new Uint32Array(64)
  #size = 0

  /** @returns the new count */
  add(key: number): number {
    let at = this.#place(key)
    if (this.#keys[at] === -1) {
      if (++this.#size * 2 > this.#keys.length) {
        this.#grow()
        at = this.#place(key)
      }
      this.#keys[at] = key
    }
    return ++this.#values[at]
  }

  get(key: number): number {
    return this.#values[this.#place(key)]
  }

  /** Where a key is, or would be. */
  #place(key: number): number {
    const mask = this.#keys.length - 1
    const low = key | 0
    const high = (key / 2 ** 32) | 0
    let hash = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1)
    hash ^= hash >>> 15
    let at = hash & mask
    while (this.#keys[at] !== key && this.#keys[at] !== -1) at = (at + 1) & mask
    return at
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values]
    this.#keys = new Float64Array(keys.length * 2).fill(-1)
    this.#values = new Uint32Array(keys.length * 2)
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === -1) continue
      const at = this.#place(keys[i])
      this.#keys[at] = keys[i]
      this.#values[at] = values[i]
    }
  }
}

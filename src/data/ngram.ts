import { checkArgument, checkNumber, checkWhole, shown } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { DataError, OptionError } from '../core/errors.js'
import { Turns } from '../core/turn.js'
import { type Corpus, checkCorpus } from './sequences.js'

/** How well n-grams predict a text: a yardstick for language models. */
export interface Baseline {
  /** The number of tokens in an n-gram: 1 for token frequencies alone. */
  order: number
  /** Mean over the predicted tokens, in nats. */
  loss: number
  /** e^loss */
  perplexity: number
  /** The same loss in bits. */
  bits: number
  /** The number of tokens whose n-grams were counted: the whole training text, or the beginning of a huge one. */
  counted: number
}

/** How n-gram models are counted and compared. */
export interface BaselineOptions {
  /** Length of the longest n-grams. Default 6; less if the vocabulary is so large that n-grams cannot be numbered. */
  maxOrder?: number
  /**
   * Bytes that the counts may take; if they would take more, only the beginning of the text is counted. Default 1 GB,
   * enough for some 60 million characters of English at order 6, or 2 million tokens without any repetition.
   */
  maxMemory?: number
  /** Ends the work: the promise is rejected with the signal's reason. */
  signal?: AbortSignal
  /** Called with the part of the work that is done, from 0 to 1. */
  onProgress?: (done: number) => void
}

const baselineOptions: OptionKinds<BaselineOptions> = {
  maxOrder: 'any',
  maxMemory: 'any',
  signal: 'signal',
  onProgress: 'function',
}

/** Tokens that are read at a time. */
const WINDOW = 65_536

/** The most tokens that can be counted, as counts have 32 bits. */
const MAX_COUNTED = 2 ** 32 - 1

/**
 * Interpolated n-gram model with Witten–Bell smoothing (Witten & Bell 1991; Chen & Goodman 1998, section 2.5):
 *
 *     P(w | h) = (c(h w) + T(h) P(w | h')) / (c(h) + T(h))
 *
 * where c(h) is the number of tokens that followed the context h, T(h) the number of different ones, and h' the context
 * without its first token. Below the first order every token is equally likely. P sums to 1 over the vocabulary.
 */
export class NgramModel {
  readonly maxOrder: number
  /** For each order, c(h w) of each n-gram. */
  readonly #grams: Counts[]
  /** For each order, c(h) and T(h) of each context. */
  readonly #contexts: Counts[]

  constructor(
    readonly vocabSize: number,
    maxOrder: number,
  ) {
    checkWhole('NgramModel', 'vocabSize', vocabSize)
    checkWhole('NgramModel', 'maxOrder', maxOrder)
    // An n-gram's number has its tokens as digits and must be exact in a double.
    this.maxOrder = Math.max(1, Math.min(maxOrder, Math.floor(Math.log(2 ** 53) / Math.log(Math.max(vocabSize, 2)))))
    this.#grams = Array.from({ length: this.maxOrder }, () => new Counts(1))
    this.#contexts = Array.from({ length: this.maxOrder }, () => new Counts(2))
  }

  /** Bytes that the counts take. */
  get bytes(): number {
    return [...this.#grams, ...this.#contexts].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /**
   * Counts the n-grams that end at each of `tokens` from `from` on; the tokens before are context.
   * @param where the function that the user called, for messages
   * @throws OptionError for a token that is not in the vocabulary
   */
  count(tokens: ArrayLike<number>, from: number, where = 'NgramModel.count'): void {
    checkWhole(where, 'from', from, 0)
    this.#check(where, tokens)
    for (let i = from; i < tokens.length; i++) {
      const longest = Math.min(this.maxOrder, i + 1)
      let context = 0
      let scale = 1
      for (let n = 0; n < longest; n++) {
        if (n > 0) {
          context += tokens[i - n] * scale
          scale *= this.vocabSize
        }
        const contexts = this.#contexts[n]
        const place = contexts.insert(context)
        contexts.columns[TOTAL][place]++
        const gram = this.#grams[n].insert(context * this.vocabSize + tokens[i])
        if (++this.#grams[n].columns[TOTAL][gram] === 1) contexts.columns[TYPES][place]++
      }
    }
  }

  /** Writes P(tokens[i] | the tokens before it) by the n-grams of each order to `probabilities`, from order 1 on. */
  probabilities(tokens: ArrayLike<number>, i: number, probabilities: Float64Array): void {
    const where = 'NgramModel.probabilities'
    checkTokens(where, tokens)
    checkWhole(where, 'i', i, 0)
    checkWhole(where, 'tokens[i]', tokens[i], 0, this.vocabSize - 1)
    const fits = probabilities instanceof Float64Array
    checkArgument(where, 'probabilities', probabilities, fits, 'a Float64Array')
    let p = 1 / this.vocabSize
    let context = 0
    let scale = 1
    for (let n = 0; n < this.maxOrder; n++) {
      if (n > 0 && n <= i) {
        context += tokens[i - n] * scale
        scale *= this.vocabSize
      }
      const place = n <= i ? this.#contexts[n].find(context) : -1
      if (place >= 0) {
        const [totals, types] = this.#contexts[n].columns
        const gram = this.#grams[n].find(context * this.vocabSize + tokens[i])
        const count = gram < 0 ? 0 : this.#grams[n].columns[TOTAL][gram]
        p = (count + types[place] * p) / (totals[place] + types[place])
      }
      probabilities[n] = p
    }
  }

  /** An n-gram with a token that is out of range would have the number of another n-gram. */
  #check(where: string, tokens: ArrayLike<number>): void {
    checkTokens(where, tokens)
    for (let i = 0; i < tokens.length; i++) {
      if (!Number.isInteger(tokens[i]) || tokens[i] >= this.vocabSize || tokens[i] < 0) {
        throw new OptionError(
          `${where}: the text has token ${shown(tokens[i])}, expected 0 to ${this.vocabSize - 1} for vocabSize = ${this.vocabSize}`,
        )
      }
    }
  }
}

function checkTokens(where: string, tokens: ArrayLike<number>): void {
  const fits = typeof tokens === 'object' && Number.isSafeInteger(tokens?.length)
  checkArgument(where, 'tokens', tokens, fits, 'an array of token numbers')
}

/**
 * The losses of n-gram models of every order up to the longest. Their n-grams are counted in one text, and they predict
 * every token of another except its first: the same tokens that a model predicts in `evaluateCorpus`.
 * @throws DataError if a text is too short, OptionError for a token out of range
 */
export async function ngramBaselines(
  train: Corpus,
  test: Corpus,
  vocabSize: number,
  options: BaselineOptions = {},
): Promise<Baseline[]> {
  checkOptions('ngramBaselines', options, baselineOptions)
  const { maxOrder = 6, maxMemory = 2 ** 30, signal, onProgress } = options
  checkNumber('ngramBaselines', 'maxMemory', maxMemory, 0)
  checkWhole('ngramBaselines', 'vocabSize', vocabSize)
  checkCorpus('ngramBaselines', 'the first corpus', train)
  checkCorpus('ngramBaselines', 'the second corpus', test)
  if (train.length === 0 || test.length < 2) {
    throw new DataError(
      `ngramBaselines: the texts have ${train.length} and ${test.length} tokens, expected at least 1 to count in and 2 to predict`,
    )
  }
  const model = new NgramModel(vocabSize, maxOrder)
  const turns = new Turns()
  const work = train.length + test.length
  /** Reads a text window by window, each with the tokens before it as context; returns how many tokens were read. */
  const read = async (
    corpus: Corpus,
    before: number,
    take: (tokens: ArrayLike<number>, from: number) => boolean,
  ): Promise<number> => {
    for (let at = 0; at < corpus.length; at += WINDOW) {
      signal?.throwIfAborted()
      const from = Math.max(0, at - model.maxOrder + 1)
      const to = Math.min(corpus.length, at + WINDOW)
      const goOn = take(corpus.subarray(from, to), at - from)
      onProgress?.((before + to) / work)
      await turns.take()
      if (!goOn) return to
    }
    return corpus.length
  }
  let left = MAX_COUNTED - WINDOW
  const counted = await read(train, 0, (tokens, from) => {
    model.count(tokens, from, 'ngramBaselines')
    left -= WINDOW
    // The tables may double in size during the next window.
    return left > 0 && model.bytes * 2 <= maxMemory
  })
  const sums = new Float64Array(model.maxOrder)
  const probabilities = new Float64Array(model.maxOrder)
  let first = 1
  await read(test, train.length, (tokens, from) => {
    for (let i = from + first; i < tokens.length; i++) {
      model.probabilities(tokens, i, probabilities)
      for (let n = 0; n < sums.length; n++) sums[n] -= Math.log(probabilities[n])
    }
    first = 0
    return true
  })
  return Array.from(sums, (sum, n) => {
    const loss = sum / (test.length - 1)
    return { order: n + 1, loss, perplexity: Math.exp(loss), bits: loss / Math.LN2, counted }
  })
}

/** Columns of counts: how often a key occurred, and for a context how many different tokens followed it. */
const TOTAL = 0
const TYPES = 1

/** Counts by whole numbers below 2⁵³, in a hash table with open addressing: 8 bytes a place, and 4 for each column. */
class Counts {
  #keys = new Float64Array(64).fill(-1)
  #size = 0
  columns: readonly Uint32Array[]

  constructor(columns: number) {
    this.columns = Array.from({ length: columns }, () => new Uint32Array(64))
  }

  get bytes(): number {
    return this.#keys.length * (8 + 4 * this.columns.length)
  }

  /** The place of a key, which is added if it is new; `columns` may be new arrays afterwards. */
  insert(key: number): number {
    const place = this.#place(key)
    if (this.#keys[place] === key) return place
    if (++this.#size * 2 > this.#keys.length) {
      this.#grow()
      return this.#take(key)
    }
    this.#keys[place] = key
    return place
  }

  /** The place of a key, or −1 if it is not there. */
  find(key: number): number {
    const place = this.#place(key)
    return this.#keys[place] === key ? place : -1
  }

  /** The place where a key is, or where it would be added. */
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

  #take(key: number): number {
    const place = this.#place(key)
    this.#keys[place] = key
    return place
  }

  #grow(): void {
    const { columns } = this
    const keys = this.#keys
    this.#keys = new Float64Array(keys.length * 2).fill(-1)
    this.columns = columns.map(() => new Uint32Array(keys.length * 2))
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === -1) continue
      const place = this.#take(keys[i])
      for (let column = 0; column < columns.length; column++) this.columns[column][place] = columns[column][i]
    }
  }
}

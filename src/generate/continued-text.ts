import type { TextStream, Vocab } from '../data/vocab.js'
import type { FloatArray } from '../device/device.js'
import { type Prefix, streamAfter } from './prefix.js'
import { logProbabilities, type Sampler } from './sample.js'
import type { StopFilter } from './stop-strings.js'

/** A token that the model made. */
export interface MadeToken {
  /** Its number in the vocabulary. */
  token: number
  /** The characters that it adds to the text; a word comes with the space before it. */
  text: string
  /**
   * The probability that the model gives the token: the softmax of its scores at temperature 1, before any penalty or
   * truncation, however the token was drawn.
   */
  probability: number
  /** The natural logarithm of `probability`. */
  logProbability: number
  /** Its position among the tokens after the prefix, from 0. */
  index: number
  /** The text that it belongs to, from 0. */
  sample: number
}

/** One of the texts that are made at the same time: it reads its prefix first, then makes tokens. */
export class ContinuedText {
  /** Its row among the texts at work. */
  row = 0
  /** The token that the model reads next. */
  next: number
  readonly #stream: TextStream
  #read = 1
  #made = 0

  constructor(
    readonly prefix: Prefix,
    readonly sampler: Sampler,
    readonly vocab: Vocab,
    readonly filter: StopFilter<MadeToken>,
    readonly length: number,
    readonly sample: number,
  ) {
    this.#stream = streamAfter(vocab, prefix)
    this.next = prefix.tokens[0]
  }

  get ended(): boolean {
    return this.#made === this.length || this.filter.ended
  }

  /**
   * Takes the next token of the prefix, or draws one from the row's scores.
   * @param scores [rows, vocabSize]
   * @param measured whether the token's probability is wanted
   * @param made is given the tokens that are now certain to belong to the text
   */
  take(scores: FloatArray, measured: boolean, made: MadeToken[]): void {
    if (this.#read < this.prefix.tokens.length) {
      this.next = this.prefix.tokens[this.#read++]
      return
    }
    const own = scores.subarray(this.row * this.vocab.size, (this.row + 1) * this.vocab.size)
    this.next = this.sampler.sample(own)
    for (const token of this.#add(this.next, measured ? logProbabilities(own)(this.next) : Number.NaN)) made.push(token)
  }

  /** The tokens that were held back because they might be part of a stop string; for a text that ends without one. */
  flush(): MadeToken[] {
    return this.filter.flush()
  }

  /** Adds the next token, and returns the tokens that are now certain to belong to the text. */
  #add(token: number, logProbability: number): MadeToken[] {
    const index = this.#made++
    const last = this.#made === this.length
    const text = this.#stream.push(this.vocab.tokenOf(token)) + (last ? this.#stream.flush() : '')
    const probability = Math.exp(logProbability)
    const certain = this.filter.push({ token, text, probability, logProbability, index, sample: this.sample })
    return this.ended ? [...certain, ...this.flush()] : certain
  }
}

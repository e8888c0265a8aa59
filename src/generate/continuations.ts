import { checkWhole } from '../core/check.js'
import type { OptionKinds } from '../core/check-options.js'
import { defaultGenerator, Generator as RandomGenerator } from '../core/random.js'
import { Turns } from '../core/turn.js'
import type { TextStream, Vocab } from '../data/vocab.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/recurrent-state.js'
import { type Prefix, streamAfter } from './prefix.js'
import { logProbabilities, Sampler, type SamplingOptions, samplingOf, samplingOptions } from './sample.js'
import { StopFilter, stopsOf } from './stop-strings.js'

export interface GenerateOptions extends SamplingOptions {
  /** The text to continue, of any length. Default: the most frequent token of the vocabulary that is a text by itself. */
  prefix?: string
  /** Tokens to make after the prefix. Default 50. */
  length?: number
  /** The text ends before the first of these strings that the model makes, even if `length` is not reached. */
  stop?: string | readonly string[]
  /** Source of the random numbers. Default: the generator that `manualSeed` restarts. */
  generator?: RandomGenerator
  /** Ends the work after the current token, by throwing the signal's reason. */
  signal?: AbortSignal
}

export const generateOptions: OptionKinds<GenerateOptions> = {
  ...samplingOptions,
  prefix: 'any',
  length: 'any',
  stop: 'any',
  generator: 'generator',
  signal: 'signal',
}

/** More tokens than this do not fit into one string, whose length V8 limits to 2²⁹ − 24. */
export const MOST_TOKENS = 2 ** 28

/** A token that the model made. */
export interface MadeToken {
  /** Its number in the vocabulary. */
  token: number
  /** What it adds to the text; a word comes with the space before it. */
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

/**
 * Continues all prefixes at the same time, and yields a token of each text in turn. A token that may be part of a stop
 * string is held back until that is known. Probabilities cost time: unless `measured` is true, they are NaN.
 * @param where the function that the user called, which has checked model and vocabulary
 */
export async function* continuations<S extends RecurrentState>(
  where: string,
  model: RNNModel<S>,
  vocab: Vocab,
  prefixes: readonly Prefix[],
  options: Omit<GenerateOptions, 'prefix'>,
  measured = false,
): AsyncGenerator<MadeToken, void> {
  const { length = 50, signal } = options
  checkWhole(where, 'length', length, 0)
  const texts = textsOf(where, vocab, prefixes, options, length)
  signal?.throwIfAborted()
  if (length === 0 || texts.length === 0) return
  const stepper = model.stepper(texts.length)
  const pace = new Turns()
  try {
    const tokens = Int32Array.from(texts, ({ prefix }) => prefix.tokens[0])
    const isOver = () => texts.every(({ ended }) => ended)
    for (let at = 1; !signal?.aborted && !isOver(); at++) {
      const next = stepper.step(tokens)
      // On the CPU the scores are there at once, and waiting for a promise would take time for each token.
      const scores = next instanceof Promise ? await next : next
      const made: MadeToken[] = []
      for (const [row, text] of texts.entries()) {
        if (at < text.prefix.tokens.length) tokens[row] = text.prefix.tokens[at]
        else if (!text.ended) {
          const own = scores.subarray(row * vocab.size, (row + 1) * vocab.size)
          tokens[row] = text.sampler.sample(own)
          made.push(...text.add(tokens[row], measured ? logProbabilities(own)(tokens[row]) : Number.NaN))
        }
      }
      yield* made
      await pace.take()
    }
    for (const text of texts) yield* text.flush()
    if (!isOver()) signal?.throwIfAborted()
  } finally {
    stepper.free()
  }
}

function textsOf(
  where: string,
  vocab: Vocab,
  prefixes: readonly Prefix[],
  options: Omit<GenerateOptions, 'prefix'>,
  length: number,
): readonly ContinuedText[] {
  const { generator = defaultGenerator() } = options
  const stops = stopsOf(where, options.stop)
  const sampling = samplingOf(where, options)
  return prefixes.map((prefix, sample) => {
    // Each text draws from a generator of its own, so that it does not depend on the number of texts.
    const stream = sampling.temperature === 0 ? generator : streamOf(generator)
    const sampler = new Sampler(where, sampling, vocab, stream)
    for (const token of prefix.tokens) sampler.see(token)
    return new ContinuedText(prefix, sampler, vocab, new StopFilter(stops), length, sample)
  })
}

const streamOf = (generator: RandomGenerator): RandomGenerator =>
  new RandomGenerator(generator.integer(2 ** 21) * 2 ** 32 + generator.bits())

/** One of the texts that are made at the same time. */
class ContinuedText {
  readonly #stream: TextStream
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
  }

  get ended(): boolean {
    return this.#made === this.length || this.filter.ended
  }

  /** Adds the next token, and returns the tokens that are now certain to belong to the text. */
  add(token: number, logProbability: number): MadeToken[] {
    const index = this.#made++
    const last = this.#made === this.length
    const text = this.#stream.push(this.vocab.tokenOf(token)) + (last ? this.#stream.flush() : '')
    const probability = Math.exp(logProbability)
    const certain = this.filter.push({ token, text, probability, logProbability, index, sample: this.sample })
    return this.ended ? [...certain, ...this.flush()] : certain
  }

  flush(): MadeToken[] {
    return this.filter.flush()
  }
}

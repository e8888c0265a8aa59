import { checkWhole } from '../core/check.js'
import type { OptionKinds } from '../core/check-options.js'
import { defaultGenerator, Generator as RandomGenerator } from '../core/random.js'
import { Turns } from '../core/turn.js'
import type { Vocab } from '../data/vocab.js'
import { ContinuedText, type MadeToken } from './continued-text.js'
import type { Prefix } from './prefix.js'
import { Sampler, type SamplingOptions, samplingOf, samplingOptions } from './sample.js'
import { StopFilter, stopsOf } from './stop-strings.js'
import { TextBatch } from './text-batch.js'
import type { TokenModel } from './token-model.js'

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

/**
 * Continues all prefixes at the same time, and yields a token of each text in turn. A token that may be part of a stop
 * string is held back until that is known. Probabilities cost time: unless `measured` is true, they are NaN.
 * @param where the function that the user called, which has checked model and vocabulary
 */
export async function* continuations(
  where: string,
  model: TokenModel,
  vocab: Vocab,
  prefixes: readonly Prefix[],
  options: Omit<GenerateOptions, 'prefix'>,
  measured = false,
): AsyncGenerator<MadeToken, void> {
  const { length = 50, signal } = options
  checkWhole(where, 'length', length, 0)
  const texts = continuedTexts(where, vocab, prefixes, options, length)
  signal?.throwIfAborted()
  if (length === 0 || texts.length === 0) return
  const batch = new TextBatch(model, texts.length, false)
  const pace = new Turns()
  try {
    for (const text of texts) batch.join(text)
    while (!signal?.aborted && batch.texts.length > 0) {
      const next = batch.step()
      // On the CPU the scores are there at once, and waiting for a promise would take time for each token.
      const scores = next instanceof Promise ? await next : next
      const made: MadeToken[] = []
      let anyEnded = false
      for (const text of batch.texts) {
        batch.draw(text, scores, measured, made)
        anyEnded ||= text.ended
      }
      if (anyEnded) for (const text of batch.texts) if (text.ended) batch.leave(text)
      yield* made
      await pace.take()
    }
    for (const text of batch.texts) yield* text.flush()
    if (batch.texts.length > 0) signal?.throwIfAborted()
  } finally {
    batch.free()
  }
}

/** Texts to be continued, each with random numbers of its own. */
export function continuedTexts(
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

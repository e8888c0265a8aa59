import { checkWhole } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import type { Vocab } from '../data/vocab.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/state.js'
import { continuations, type GenerateOptions, type MadeToken, PREFIX } from './continuations.js'
import { temperatureOf } from './sample.js'

export interface GenerateAllOptions extends GenerateOptions {
  /** Texts to make side by side from the same prefix. The first ones are the same however many there are. Default 1. */
  samples?: number
}

export type PredictOptions = Omit<GenerateOptions, 'prefix' | 'length'>

/** More sequences side by side are slower than a few one after another, and only fill the memory. */
const MOST_SAMPLES = 65536

/**
 * Goes on from a prefix, token by token: the state begins at zero, is warmed up on the prefix, and each token
 * made is the next input (the book's `predict_ch8`). Yields what each token adds to the text, so that the
 * prefix and all of it make the text.
 * @throws DataError for an empty prefix, one with unknown tokens, or scores that are not numbers; OptionError
 *   for an option out of range or a bidirectional model
 */
export async function* generate<S extends RecurrentState>(
  model: RNNModel<S>,
  vocab: Vocab,
  options: GenerateOptions = {},
): AsyncGenerator<string, void> {
  for await (const { text } of continuations(model, vocab, [options.prefix ?? PREFIX], options)) yield text
}

/** Like `generate`, with the probability of each token; several samples come in turn, a token of each. */
export async function* generateTokens<S extends RecurrentState>(
  model: RNNModel<S>,
  vocab: Vocab,
  options: GenerateAllOptions = {},
): AsyncGenerator<MadeToken, void> {
  const { samples = 1, prefix = PREFIX, ...rest } = drawn(options)
  yield* continuations(model, vocab, Array<string>(samples).fill(prefix), rest, true)
}

/** The texts of `samples`, each with the prefix, made side by side. See `generate`. */
export async function generateAll<S extends RecurrentState>(
  model: RNNModel<S>,
  vocab: Vocab,
  options: GenerateAllOptions = {},
): Promise<string[]> {
  const { samples = 1, prefix = PREFIX, length = 50, ...rest } = drawn(options)
  return predictAll(Array<string>(samples).fill(prefix), length, model, vocab, rest)
}

/** The options of several samples, which differ only where they are drawn. @throws OptionError where they are not */
function drawn(options: GenerateAllOptions): GenerateAllOptions {
  const { samples = 1 } = options
  const temperature = temperatureOf(options, samples)
  checkWhole('generate', 'samples', samples, 1, MOST_SAMPLES)
  if (samples > 1 && temperature === 0) {
    throw new OptionError('generate: temperature is 0, at which all samples are the same; expected one above 0', [
      'temperature',
    ])
  }
  return { ...options, temperature }
}

/** The prefix and `numPreds` tokens after it, as one text. See `generate`. */
export async function predict<S extends RecurrentState>(
  prefix: string,
  numPreds: number,
  model: RNNModel<S>,
  vocab: Vocab,
  options: PredictOptions = {},
): Promise<string> {
  const [text] = await predictAll([prefix], numPreds, model, vocab, options)
  return text
}

/** Like `predict` for several prefixes side by side, which takes less time than one after another. */
export async function predictAll<S extends RecurrentState>(
  prefixes: readonly string[],
  numPreds: number,
  model: RNNModel<S>,
  vocab: Vocab,
  options: PredictOptions = {},
): Promise<string[]> {
  const texts = prefixes.map((prefix) => vocab.join(vocab.split(prefix)))
  for await (const { text, sample } of continuations(model, vocab, prefixes, { ...options, length: numPreds })) {
    texts[sample] += text
  }
  return texts
}

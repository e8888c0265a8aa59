import { checkWhole } from '../core/check.js'
import type { OptionKinds } from '../core/check-options.js'
import { describe } from '../core/describe.js'
import { OptionError } from '../core/errors.js'
import type { Vocab } from '../data/vocab.js'
import { checkGenerationArguments } from './check-arguments.js'
import { continuations, type GenerateOptions, generateOptions, MOST_TOKENS } from './continuations.js'
import type { MadeToken } from './continued-text.js'
import { encodePrefix, type Prefix, prefixOf } from './prefix.js'
import { temperatureOf } from './sample.js'
import type { TokenModel } from './token-model.js'

export interface GenerateAllOptions extends GenerateOptions {
  /** Number of texts to make from the same prefix. The first texts are the same for any number. Default 1. */
  samples?: number
}

/** The options of `predict`. */
export type PredictOptions = Omit<GenerateOptions, 'prefix' | 'length'>

const generateAllOptions: OptionKinds<GenerateAllOptions> = { ...generateOptions, samples: 'any' }
const { prefix: _, length: __, ...predictOptions } = generateOptions

/** More texts at the same time would be slower than several calls, and would only fill the memory. */
const MOST_SAMPLES = 65536

/**
 * Continues a prefix, token by token: the state begins at zero, is warmed up on the prefix, and each token
 * made is the next input (the book's `predict_ch8`). Yields what each token adds to the text, which begins with the
 * prefix; the default prefix is not yielded either.
 * @throws DataError for an empty prefix, one with unknown tokens, or scores that are NaN or infinite because the model
 *   has diverged; OptionError for an argument of another kind, an option out of range, another model's vocabulary, or
 *   a bidirectional model; the signal's reason
 */
export async function* generate(
  model: TokenModel,
  vocab: Vocab,
  options: GenerateOptions = {},
): AsyncGenerator<string, void> {
  checkGenerationArguments('generate', model, vocab, options, generateOptions)
  const prefix = prefixOf('generate', vocab, options.prefix)
  for await (const { text } of continuations('generate', model, vocab, [prefix], options)) yield text
}

/** Like `generate`, with the probability of each token; of several samples, it yields a token of each in turn. */
export async function* generateTokens(
  model: TokenModel,
  vocab: Vocab,
  options: GenerateAllOptions = {},
): AsyncGenerator<MadeToken, void> {
  checkGenerationArguments('generateTokens', model, vocab, options, generateAllOptions)
  const { samples = 1, ...rest } = drawn('generateTokens', options)
  const prefix = prefixOf('generateTokens', vocab, options.prefix)
  yield* continuations('generateTokens', model, vocab, Array<Prefix>(samples).fill(prefix), rest, true)
}

/** Makes several texts at the same time, and returns each with its prefix. See `generate`. */
export async function generateAll(
  model: TokenModel,
  vocab: Vocab,
  options: GenerateAllOptions = {},
): Promise<string[]> {
  checkGenerationArguments('generateAll', model, vocab, options, generateAllOptions)
  const { samples = 1, length = 50, ...rest } = drawn('generateAll', options)
  checkWhole('generateAll', 'length', length, 0, MOST_TOKENS)
  const prefix = prefixOf('generateAll', vocab, options.prefix)
  return textsFrom('generateAll', Array<Prefix>(samples).fill(prefix), model, vocab, { ...rest, length })
}

/** The options for several samples. @throws OptionError if the samples would all be the same */
function drawn(where: string, options: GenerateAllOptions): GenerateAllOptions {
  const { samples = 1 } = options
  const temperature = temperatureOf(options, samples)
  checkWhole(where, 'samples', samples, 1, MOST_SAMPLES)
  if (samples > 1 && temperature === 0) {
    throw new OptionError(
      `${where}: temperature is 0, at which all samples are the same; expected a temperature above 0`,
      ['temperature'],
    )
  }
  return { ...options, temperature }
}

/** Returns the prefix and `numPreds` tokens after it as one text. See `generate`. */
export async function predict(
  prefix: string,
  numPreds: number,
  model: TokenModel,
  vocab: Vocab,
  options: PredictOptions = {},
): Promise<string> {
  checkGenerationArguments('predict', model, vocab, options, predictOptions)
  checkWhole('predict', 'numPreds', numPreds, 0, MOST_TOKENS)
  const given = encodePrefix('predict', vocab, prefix)
  const [text] = await textsFrom('predict', [given], model, vocab, { ...options, length: numPreds })
  return text
}

/** Like `predict`, for several prefixes at the same time, which is faster than one after another. */
export async function predictAll(
  prefixes: readonly string[],
  numPreds: number,
  model: TokenModel,
  vocab: Vocab,
  options: PredictOptions = {},
): Promise<string[]> {
  checkGenerationArguments('predictAll', model, vocab, options, predictOptions)
  checkWhole('predictAll', 'numPreds', numPreds, 0, MOST_TOKENS)
  if (!Array.isArray(prefixes)) {
    throw new OptionError(`predictAll: prefixes is ${describe(prefixes)}, expected an array of strings`)
  }
  checkWhole('predictAll', 'prefixes.length', prefixes.length, 0, MOST_SAMPLES)
  const given = prefixes.map((prefix, i) => encodePrefix('predictAll', vocab, prefix, `prefixes[${i}]`))
  return textsFrom('predictAll', given, model, vocab, { ...options, length: numPreds })
}

async function textsFrom(
  where: string,
  prefixes: readonly Prefix[],
  model: TokenModel,
  vocab: Vocab,
  options: GenerateOptions,
): Promise<string[]> {
  const texts = prefixes.map(({ text }) => text)
  for await (const { text, sample } of continuations(where, model, vocab, prefixes, options)) texts[sample] += text
  return texts
}

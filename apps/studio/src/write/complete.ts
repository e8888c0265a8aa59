import { Generator, generateAll, type LoadedModel } from 'unrolled/browser'
import { preparedText } from '../prepared'

/** How texts are continued. */
export interface CompleteOptions {
  /** 0 takes the likeliest token. */
  temperature: number
  /** The likeliest tokens that are drawn from; 0 for all. */
  topK: number
  samples: number
  /** Tokens of each. */
  length: number
}

export interface Completions {
  /** The text that is continued, as it was typed. */
  of: string
  texts: string[]
  /** Tokens that were typed and that the model does not know. */
  unknown: string[]
  /** What the model reads in place of what was typed, if that differs. */
  reads: string | undefined
  charactersPerSecond: number
}

/** Tokens at the end of a text that are read; what came before has long faded from the state. */
const MOST_READ = 400

/** Characters that are told of what a model reads. */
const MOST_TOLD = 60

/** Continues a text, which is prepared as the model's own text was. */
export async function complete(
  loaded: LoadedModel,
  text: string,
  { temperature, topK, samples, length }: CompleteOptions,
  signal: AbortSignal,
): Promise<Completions> {
  const { model, vocab } = loaded
  const tokens = vocab.split(preparedText(loaded, text)).slice(-MOST_READ)
  const prefix = vocab.join(tokens.filter((token) => vocab.has(token)))
  // Capitals count that only cleaning makes readable.
  const unknown = [...new Set(vocab.split(text).filter((token) => !vocab.has(token)))]
  const draws = temperature > 0 ? { temperature, ...(topK > 0 && { topK }) } : {}
  const begin = performance.now()
  const made = await generateAll(model, vocab, {
    ...{ ...(prefix !== '' && { prefix }), length, samples: temperature > 0 ? samples : 1, signal, ...draws },
    generator: new Generator(tokens.length),
  })
  const texts = made.map((whole) => whole.slice(prefix.length))
  const characters = texts.reduce((sum, { length }) => sum + length, 0)
  const charactersPerSecond = characters / ((performance.now() - begin) / 1000)
  const isRead = prefix === '' ? text === '' : text.endsWith(prefix)
  const reads = isRead ? undefined : prefix.length > MOST_TOLD ? `…${prefix.slice(-MOST_TOLD)}` : prefix
  return { of: text, texts: [...new Set(texts)], unknown, reads, charactersPerSecond }
}

import { DataError, OptionError } from '../config.js'
import type { LoadedModel, SavedText, TokenKind } from '../node.js'

/** The texts that a model was trained on (empty for The Time Machine), and their encoding if one was named. */
export interface OwnTexts {
  texts: readonly string[]
  encoding?: string
}

/** Prepares a typed text, such as a prefix, like the model's own text, but keeps spaces at its ends. */
export function typedText(text: string, { clean, lowercase }: SavedText): string {
  const cleaned = text.replace(/[^A-Za-z]+/g, ' ').toLowerCase()
  // Cleaning would remove a text without letters completely; unchanged, the vocabulary reports what it does not know.
  if (clean) return cleaned.trim() === '' ? text : cleaned
  return lowercase ? text.toLowerCase() : text
}

/**
 * Finds the texts that a model was trained on, and checks that they are unchanged.
 * @param asked an encoding that the user gave, instead of the recorded one
 * @throws DataError if the texts are unknown, missing or changed
 */
export async function ownTexts(
  command: string,
  folder: string,
  { config, vocab }: LoadedModel,
  signal: AbortSignal,
  asked?: string,
): Promise<OwnTexts> {
  const { fingerprintOf, maxTokensOf, savedText } = await import('../node.js')
  const { commandTexts } = await import('./training-text.js')
  const { texts, fingerprint, encoding: recorded } = config.training ?? {}
  if (!Array.isArray(texts) || typeof fingerprint !== 'string') {
    throw new DataError(`${command}: ${folder} does not say which text it was trained on, expected a text; name one`)
  }
  if (texts.includes('-')) {
    throw new DataError(`${command}: ${folder} was trained on standard input, expected a text; name one, or - again`)
  }
  const encoding = asked ?? (typeof recorded === 'string' ? recorded : undefined)
  const how = { ...savedText({ config, vocab }), maxTokens: maxTokensOf(config), encoding }
  const source = commandTexts(texts)
  const loaded = await source.read(how, vocab, signal).catch(async (error) => {
    await source.close?.()
    if (!(error instanceof DataError)) throw error
    throw new DataError(
      `${command}: the text that ${folder} was trained on cannot be read (${error.message}); name a text`,
    )
  })
  const same = (await fingerprintOf(loaded.corpus)) === fingerprint
  await loaded.close?.()
  await source.close?.()
  if (same) return { texts, encoding }
  throw new DataError(
    `${command}: ${loaded.source} is not the same text that ${folder} was trained on; name the text to use`,
  )
}

/** @throws OptionError for an option about the text that contradicts the saved model */
export function checkAgainst(
  command: string,
  folder: string,
  text: SavedText,
  said: { clean?: boolean; tokens?: TokenKind },
): void {
  if (said.clean !== undefined && said.clean !== text.clean) {
    const [flag, was] = said.clean ? ['--clean', 'text as it is'] : ['--no-clean', 'cleaned text']
    throw new OptionError(`${command}: ${flag} contradicts ${folder}, which was trained on ${was}; leave it out`)
  }
  if (said.tokens !== undefined && said.tokens !== text.tokens) {
    throw new OptionError(
      `${command}: --tokens is ${said.tokens}, expected ${text.tokens}, the tokens of ${folder}; leave it out`,
    )
  }
}

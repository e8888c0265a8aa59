import { DataError, OptionError } from '../config.js'
import type { LoadedModel, SavedText, TokenKind } from '../node.js'

/** The texts that a model was trained on, none for The Time Machine, and their encoding where one was named. */
export interface OwnTexts {
  texts: readonly string[]
  encoding?: string
}

/** A text that somebody types, such as a prefix, as the model's own text was taken; its ends are kept. */
export function typedText(text: string, { clean, lowercase }: SavedText): string {
  const cleaned = text.replace(/[^A-Za-z]+/g, ' ').toLowerCase()
  // Without a letter nothing is left of it; the vocabulary then says what it does not know.
  if (clean) return cleaned.trim() === '' ? text : cleaned
  return lowercase ? text.toLowerCase() : text
}

/**
 * What a model was trained on, after a look whether it is still there.
 * @param asked the encoding that the user names, in the place of the recorded one
 * @throws DataError where the texts are not known, not there any more, or not as they were
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
  const loaded = await source.read(how, vocab, signal).catch((error) => {
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
    `${command}: ${loaded.source} is another text than the one that ${folder} was trained on; name the text that is meant`,
  )
}

/** @throws OptionError for what was said on the command line of a text and is otherwise in the saved model */
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

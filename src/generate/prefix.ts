import { describe } from '../core/describe.js'
import { DataError, OptionError } from '../core/errors.js'
import type { TextStream, Vocab } from '../data/vocab.js'

/** The beginning of a text, which the model reads before it continues it. */
export interface Prefix {
  readonly text: string
  readonly tokens: Int32Array
}

/** A prefix that the user gave, or else the default one. */
export function prefixOf(where: string, vocab: Vocab, text: string | undefined): Prefix {
  return text === undefined ? defaultPrefix(vocab) : encodePrefix(where, vocab, text)
}

/**
 * The most frequent token that is a text by itself, so that every vocabulary has a prefix. If no token is, as among the
 * bytes of a text in Chinese, the model reads the most frequent token, and the text begins empty.
 */
export function defaultPrefix(vocab: Vocab): Prefix {
  for (let token = 1; token < vocab.size; token++) {
    const text = vocab.join([vocab.tokenOf(token)])
    const tokens = vocab.encode(text)
    if (tokens.length === 1 && tokens[0] === token) return { text, tokens }
  }
  return { text: '', tokens: Int32Array.of(Math.min(1, vocab.size - 1)) }
}

/** @throws OptionError unless the text is a string; DataError if it has no token, or one that is not in the vocabulary */
export function encodePrefix(where: string, vocab: Vocab, text: string, name = 'prefix'): Prefix {
  if (typeof text !== 'string') throw new OptionError(`${where}: ${name} is ${describe(text)}, expected a string`)
  const tokens = vocab.split(text)
  if (tokens.length === 0) {
    throw new DataError(`${where}: ${name} is empty, expected at least one token for the model to continue`)
  }
  const unknown = [...new Set(tokens.filter((token) => !vocab.has(token)))]
  if (unknown.length > 0) {
    throw new DataError(
      `${where}: ${name} contains ${listed(vocab, unknown, 10, ', ')}, which the vocabulary does not have; it has ${listed(vocab, vocab.tokens.slice(1), 40, ' ')}`,
    )
  }
  return { text: vocab.join(tokens), tokens: vocab.encode(tokens) }
}

/** The text that tokens add to a prefix, piece by piece: a character that the default prefix began is completed. */
export function streamAfter(vocab: Vocab, { tokens }: Prefix): TextStream {
  const stream = vocab.textStream()
  stream.push(vocab.tokenOf(tokens[tokens.length - 1]))
  return stream
}

/** The first tokens of a list, in quotes; a byte that is not a character by itself as a hexadecimal number. */
function listed(vocab: Vocab, tokens: readonly string[], most: number, separator: string): string {
  const some = tokens.slice(0, most).map((token) => {
    const isPartOfCharacter = vocab.kind === 'byte' && token > '\x7f'
    return isPartOfCharacter ? `0x${token.charCodeAt(0).toString(16)}` : JSON.stringify(vocab.join([token]))
  })
  return [...some, ...(tokens.length > most ? ['…'] : [])].join(separator)
}

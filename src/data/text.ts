import { checkString } from '../core/check.js'
/** The kinds of tokens. */
export const tokenKinds = ['char', 'byte', 'word', 'bpe'] as const satisfies readonly TokenKind[]

/**
 * How a text is cut into tokens: characters (Unicode code points), the bytes of its UTF-8, words (between white
 * space), or byte-pair tokens (parts of words, as GPT-4o has them).
 */
export type TokenKind = 'char' | 'byte' | 'word' | 'bpe'

/** How a text is cleaned and cut into tokens. */
export interface TextOptions {
  /** Default 'char'. */
  tokens?: TokenKind
  /** The book's cleaning: only the letters A–Z, in lower case, and spaces. Default false. */
  clean?: boolean
  /** Lower case without the cleaning. Default false. */
  lowercase?: boolean
}

/** How much of a text was changed as it was loaded; all are 0 if it was loaded whole and unchanged. */
export interface TextChanges {
  /** Characters other than A–Z that cleaning turned into spaces or dropped. */
  replaced: number
  /** Capital letters that became lower case. */
  lowered: number
  /** Tokens beyond `maxTokens`, which are not in the corpus. */
  cut: number
}

/**
 * The book's cleaning: line by line, every run of characters outside A–Z and a–z becomes one space, the ends
 * are stripped, and capitals become lower case. Empty lines stay, as empty strings.
 */
export function cleanLines(text: string): string[] {
  checkString('cleanLines', 'the text', text)
  return Array.from(text.matchAll(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+/g), ([line]) =>
    line
      .replace(/[^A-Za-z]+/g, ' ')
      .trim()
      .toLowerCase(),
  )
}

/** A text in slices of `length` UTF-16 units, or one fewer if that would cut a character in two. */
export function* slices(text: string, length: number): Generator<string> {
  for (let start = 0; start < text.length; ) {
    let end = start + length
    if (end < text.length && text.codePointAt(end - 1)! > 0xffff) end--
    yield text.slice(start, end)
    start = end
  }
}

import { checkArgument, checkString, checkWord } from '../core/check.js'
import { DataError } from '../core/errors.js'
import { splitBytePairs, undecidedPairs } from './byte-pairs.js'
import { bytesOf } from './bytes.js'
import { slices, type TextChanges, type TextOptions, type TokenKind, tokenKinds } from './text.js'

/** UTF-16 units in a piece of a text that is in memory as a whole. */
const PIECE = 2 ** 16

/** The most UTF-16 units that a word may have. */
const LONGEST_WORD = 2 ** 20

/**
 * Takes a text in parts that may end between any two characters, cleans it, and cuts it between tokens: each piece has
 * the tokens that it would have in the whole text. A piece of bytes has one character for each byte.
 */
export class PieceStream {
  /** How much of the text was changed so far. */
  readonly changes: Omit<TextChanges, 'cut'> = { replaced: 0, lowered: 0 }
  readonly #kind: TokenKind
  readonly #where: string
  readonly #change: (text: string) => string
  /** The end of the text so far, held back because its last token may go on. */
  #rest = ''

  /**
   * @param where the function that the user called, for messages
   * @throws OptionError for an unknown kind of token
   */
  constructor({ tokens = 'char', clean = false, lowercase = false }: TextOptions, where: string) {
    checkWord(where, 'tokens', tokens, tokenKinds)
    this.#kind = tokens
    this.#where = where
    // The book joins lines with nothing between them; words and their parts end with the line.
    const lineBreak = tokens === 'char' || tokens === 'byte' ? '' : ' '
    this.#change = clean ? cleaner(lineBreak, this.changes) : lowercase ? lowerer(this.changes) : (text) => text
  }

  /** Adds a part; returns the piece that is now ready, or ''. @throws DataError for a word of a million characters */
  push(part: string): string {
    const text = this.#change(part)
    if (this.#kind === 'char') return text
    if (this.#kind === 'byte') return bytesOf(text)
    const all = this.#rest + text
    const undecided = this.#kind === 'word' ? undecidedWord(all) : undecidedPairs(all)
    if (undecided > LONGEST_WORD) {
      throw new DataError(
        `${this.#where}: the text has a word of more than ${LONGEST_WORD} characters; use tokens other than 'word'`,
      )
    }
    this.#rest = all.slice(all.length - undecided)
    return all.slice(0, all.length - undecided)
  }

  /** Returns the rest at the end of the text. */
  flush(): string {
    const rest = this.#rest
    this.#rest = ''
    return rest
  }

  /** The pieces of a text that is in memory as a whole. */
  *pieces(text: string): Generator<string> {
    for (const part of slices(text, PIECE)) yield this.push(part)
    yield this.flush()
  }
}

type Changes = PieceStream['changes']

/** `cleanLines` for a text in parts, its lines joined by `lineBreak`; parts need not end with lines. */
function cleaner(lineBreak: '' | ' ', changes: Changes): (text: string) => string {
  const decoder = new TextDecoder()
  // The state before the next letter: a letter came last; a space is due; or a line has begun and nothing is due.
  let before: 'letter' | 'space' | 'nothing' = 'nothing'
  /** Whether a space was among the characters since the last letter, so that writing one space changes nothing. */
  let hadSpace = false
  return (text) => {
    const letters = new Uint8Array(text.length + 1)
    let length = 0
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      const small = code | 32
      if (small >= 97 && small <= 122) {
        if (before === 'space') {
          letters[length++] = 32
          if (hadSpace) changes.replaced--
        }
        letters[length++] = small
        if (code !== small) changes.lowered++
        before = 'letter'
        hadSpace = false
        continue
      }
      // The second half of a surrogate pair does not count as a character.
      if ((code & 0xfc00) !== 0xdc00) changes.replaced++
      if (lineBreak === '' && (code === 10 || code === 13)) before = 'nothing'
      else if (before === 'letter') before = 'space'
      if (code === 32) hadSpace = true
    }
    return decoder.decode(letters.subarray(0, length))
  }
}

/** Lower case character by character: Σ always becomes σ, because a part may not show whether a word ends there. */
const lowerer = (changes: Changes) => (text: string) => {
  changes.lowered += text.match(/\p{Changes_When_Lowercased}/gu)?.length ?? 0
  return text.replaceAll('Σ', 'σ').toLowerCase()
}

/** How many UTF-16 units at the end of a text belong to a word that may go on. */
function undecidedWord(text: string): number {
  let start = text.length
  while (start > 0 && !/\s/.test(text[start - 1])) start--
  return text.length - start
}

/** The words of a piece, or its byte-pair tokens. */
export const splitPiece = (piece: string, kind: 'word' | 'bpe'): string[] =>
  kind === 'word' ? piece.split(/\s+/).filter((word) => word !== '') : splitBytePairs(piece)

/**
 * Yields the tokens of a text one by one, without collecting them. With `clean`, the text goes through `cleanLines`
 * first, and its lines are joined: with nothing between them, as in the book, or with a space if tokens are words or
 * parts of words.
 */
export function* tokensOf(text: string, kind: TokenKind, clean: boolean): Generator<string> {
  checkString('tokensOf', 'the text', text)
  checkWord('tokensOf', 'kind', kind, tokenKinds)
  checkArgument('tokensOf', 'clean', clean, typeof clean === 'boolean', 'true or false')
  for (const piece of new PieceStream({ tokens: kind, clean }, 'tokensOf').pieces(text)) {
    if (kind === 'char' || kind === 'byte') yield* piece
    else yield* splitPiece(piece, kind)
  }
}

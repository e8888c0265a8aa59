import { checkArgument, checkString, checkWord } from '../core/check.js'
import { DataError } from '../core/errors.js'
import { splitBytePairs, undecidedPairs } from './byte-pairs.js'
import { bytesOf } from './bytes.js'
import { slices, type TextChanges, type TextOptions, type TokenKind, tokenKinds } from './text.js'

/** UTF-16 units of a piece of a text that is there as a whole. */
const PIECE = 2 ** 16

/** UTF-16 units of the longest word. */
const LONGEST_WORD = 2 ** 20

/**
 * A text that comes in parts, cut anywhere between two characters, cleaned and cut again where no token is: the
 * tokens of each piece are what they would be in the whole text. A piece of bytes has one character a byte.
 */
export class PieceStream {
  /** What was changed of the text so far. */
  readonly changes: Omit<TextChanges, 'cut'> = { replaced: 0, lowered: 0 }
  readonly #kind: TokenKind
  readonly #where: string
  readonly #change: (text: string) => string
  /** The end of what came, while it may belong to a token that goes on. */
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

  /** What can be cut into tokens by now, which may be nothing. @throws DataError for a word of a million characters */
  push(part: string): string {
    const text = this.#change(part)
    if (this.#kind === 'char') return text
    if (this.#kind === 'byte') return bytesOf(text)
    const all = this.#rest + text
    const undecided = this.#kind === 'word' ? undecidedWord(all) : undecidedPairs(all)
    if (undecided > LONGEST_WORD) {
      throw new DataError(
        `${this.#where}: the text has a word of more than ${LONGEST_WORD} characters; use another kind of tokens than 'word'`,
      )
    }
    this.#rest = all.slice(all.length - undecided)
    return all.slice(0, all.length - undecided)
  }

  /** The rest, when nothing more comes. */
  flush(): string {
    const rest = this.#rest
    this.#rest = ''
    return rest
  }

  /** The pieces of a text that is there as a whole. */
  *pieces(text: string): Generator<string> {
    for (const part of slices(text, PIECE)) yield this.push(part)
    yield this.flush()
  }
}

type Changes = PieceStream['changes']

/** `cleanLines` for a text in parts, its lines joined by `lineBreak`; parts need not end with lines. */
function cleaner(lineBreak: '' | ' ', changes: Changes): (text: string) => string {
  const decoder = new TextDecoder()
  // What comes before the next letter: nothing after another letter, else a space, or nothing at a line's beginning.
  let before: 'letter' | 'space' | 'nothing' = 'nothing'
  /** Whether there was a space among the characters that `before` stands for, so that a space is no change. */
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
      // The second half of a surrogate pair is no character of its own.
      if ((code & 0xfc00) !== 0xdc00) changes.replaced++
      if (lineBreak === '' && (code === 10 || code === 13)) before = 'nothing'
      else if (before === 'letter') before = 'space'
      if (code === 32) hadSpace = true
    }
    return decoder.decode(letters.subarray(0, length))
  }
}

/** Lower case character by character: Σ is σ also at a word's end, which a part of a text may not know. */
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

/** Words of a piece or its byte-pair tokens. */
export const splitPiece = (piece: string, kind: 'word' | 'bpe'): string[] =>
  kind === 'word' ? piece.split(/\s+/).filter((word) => word !== '') : splitBytePairs(piece)

/**
 * Tokens of a text, one after another without being collected. Under `clean` the text goes through `cleanLines`
 * first; its lines are joined with nothing between them, as in the book, or where tokens are words or their parts,
 * with a space.
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

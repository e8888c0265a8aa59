import { splitPiece } from './pieces.js'
import type { TokenKind } from './text.js'
import type { Vocab } from './vocab.js'

/** Characters below this number are looked up in arrays, the others in maps. */
const BMP = 2 ** 16

/** Whether a code unit is half of a character beyond those. */
const isSurrogate = (code: number): boolean => (code & 0xf800) === 0xd800

/** The code point at `i`; one half of a surrogate pair stands for itself. */
const characterAt = (text: string, i: number): string => String.fromCodePoint(text.codePointAt(i)!)

/** Counts the tokens of a text that comes in the pieces of a `PieceStream`. */
export interface TokenCounter {
  add(piece: string): void
  /** How often each token occurred, in the order of first appearance. */
  counts(): Map<string, number>
}

export const tokenCounter = (kind: TokenKind): TokenCounter =>
  kind === 'char' || kind === 'byte' ? characterCounter() : partCounter(kind)

function characterCounter(): TokenCounter {
  const counts = new Map<string, number>()
  const bmp = new Float64Array(BMP)
  return {
    add(piece) {
      for (let i = 0; i < piece.length; i++) {
        const code = piece.charCodeAt(i)
        if (!isSurrogate(code)) {
          if (bmp[code]++ === 0) counts.set(piece[i], 0)
        } else {
          const character = characterAt(piece, i)
          counts.set(character, (counts.get(character) ?? 0) + 1)
          i += character.length - 1
        }
      }
    },
    counts() {
      for (let code = 0; code < BMP; code++) if (bmp[code] > 0) counts.set(String.fromCharCode(code), bmp[code])
      return counts
    },
  }
}

function partCounter(kind: 'word' | 'bpe'): TokenCounter {
  const counts = new Map<string, number>()
  return {
    add(piece) {
      for (const token of splitPiece(piece, kind)) {
        const count = counts.get(token)
        // A new token is copied, because a slice of a piece keeps the whole piece in memory.
        if (count === undefined) counts.set(` ${token}`.slice(1), 1)
        else counts.set(token, count + 1)
      }
    },
    counts: () => counts,
  }
}

/** Returns the numbers of a piece's tokens, in an array that the next call overwrites. */
export type TokenEncoder = (piece: string) => Int32Array

export function tokenEncoder(vocab: Vocab): TokenEncoder {
  return vocab.kind === 'char' || vocab.kind === 'byte' ? characterEncoder(vocab) : (piece) => vocab.encode(piece)
}

function characterEncoder(vocab: Vocab): TokenEncoder {
  const bmp = new Int32Array(BMP).fill(vocab.unk)
  vocab.tokens.forEach((token, index) => {
    if (token.length === 1 && !isSurrogate(token.charCodeAt(0))) bmp[token.charCodeAt(0)] = index
  })
  let numbers = new Int32Array(0)
  return (piece) => {
    if (numbers.length < piece.length) numbers = new Int32Array(piece.length)
    let length = 0
    for (let i = 0; i < piece.length; i++) {
      const code = piece.charCodeAt(i)
      if (!isSurrogate(code)) numbers[length++] = bmp[code]
      else {
        const character = characterAt(piece, i)
        numbers[length++] = vocab.indexOf(character)
        i += character.length - 1
      }
    }
    return numbers.subarray(0, length)
  }
}

/** Token numbers in as few bytes as the vocabulary allows. */
export type Numbers = Uint8Array | Uint16Array | Int32Array

/** The kind of array that holds the numbers of a vocabulary's tokens. */
export const numbersFor = (vocabSize: number): typeof Uint8Array | typeof Uint16Array | typeof Int32Array =>
  vocabSize <= 2 ** 8 ? Uint8Array : vocabSize <= 2 ** 16 ? Uint16Array : Int32Array

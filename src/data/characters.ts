import type { Vocab } from './vocab.js'

/** Characters below this number have their places in arrays; the others, in maps. */
const ASCII = 128

/** The code point at `i`; one half of a surrogate pair stands for itself. */
const characterAt = (text: string, i: number) => String.fromCodePoint(text.codePointAt(i)!)

/** How often each character (Unicode code point) is there, in the order of their first appearance. */
export function countCharacters(pieces: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  const ascii = new Float64Array(ASCII)
  for (const piece of pieces) {
    for (let i = 0; i < piece.length; i++) {
      const code = piece.charCodeAt(i)
      if (code < ASCII) {
        if (ascii[code]++ === 0) counts.set(piece[i], 0)
      } else {
        const character = characterAt(piece, i)
        counts.set(character, (counts.get(character) ?? 0) + 1)
        i += character.length - 1
      }
    }
  }
  for (let code = 0; code < ASCII; code++) if (ascii[code] > 0) counts.set(String.fromCharCode(code), ascii[code])
  return counts
}

/** Numbers of characters, written to `numbers` until it is full; returns how many. */
export function encodeCharacters(
  pieces: Iterable<string>,
  vocab: Vocab,
  numbers: Uint8Array | Uint16Array | Int32Array,
): number {
  const ascii = Int32Array.from({ length: ASCII }, (_, code) => vocab.indexOf(String.fromCharCode(code)))
  let length = 0
  for (const piece of pieces) {
    for (let i = 0; i < piece.length && length < numbers.length; i++) {
      const code = piece.charCodeAt(i)
      if (code < ASCII) numbers[length++] = ascii[code]
      else {
        const character = characterAt(piece, i)
        numbers[length++] = vocab.indexOf(character)
        i += character.length - 1
      }
    }
    if (length === numbers.length) break
  }
  return length
}

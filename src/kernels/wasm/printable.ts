/*
 * The kernels as text for a JavaScript string. In base64 the same bytes look different at each offset modulo three, and
 * gzip cannot find what the two variants share; here a byte always looks the same, which saves 7 kB of a gzipped page.
 */

/** 88 characters, none of which a JavaScript string has to escape. */
const ALPHABET = '#%&()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcdefghijklmnopqrstuvwxyz{|}~'
/** How many bytes are one character each. The alphabet's last two characters introduce the others, as many again each. */
const DIRECT = ALPHABET.length - 2
/** The first byte of one character; the bytes count on from it and wrap around. Chosen so that most bytes are short. */
const FIRST = 214

/** The bytes that `text` stands for. */
export function decodePrintable(text: string): Uint8Array<ArrayBuffer> {
  const values = new Map([...ALPHABET].map((character, value) => [character, value]))
  const bytes = new Uint8Array(text.length)
  let length = 0
  let shift = FIRST
  for (const character of text) {
    const value = values.get(character)!
    if (value >= DIRECT) shift = FIRST + DIRECT * (value - DIRECT + 1)
    else {
      bytes[length++] = value + shift
      shift = FIRST
    }
  }
  return bytes.slice(0, length)
}

/** The text that stands for `bytes`. */
export function encodePrintable(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    const offset = (byte - FIRST + 256) % 256
    const page = Math.floor(offset / DIRECT)
    text += (page === 0 ? '' : ALPHABET[DIRECT + page - 1]) + ALPHABET[offset % DIRECT]
  }
  return text
}

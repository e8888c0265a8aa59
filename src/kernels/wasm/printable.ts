/*
 * The kernels as text for a JavaScript string. In base64 the same bytes look different at each offset modulo three, and
 * gzip cannot find what the two variants share; here a byte always looks the same, which saves 7 kB of a gzipped page.
 */

/** 88 characters, none of which a JavaScript string has to escape. */
const ALPHABET = '#%&()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcdefghijklmnopqrstuvwxyz{|}~'
/** How many bytes are one character each. The alphabet's last two characters introduce the others, as many again each. */
export const DIRECT = ALPHABET.length - 2

/**
 * The bytes that `text` stands for.
 * @param short the bytes of one character each, in base 36 with a comma between them; the others follow in their order
 */
export function decodePrintable(text: string, short: string): Uint8Array<ArrayBuffer> {
  const order = bytesBehind(short)
  const values = new Map([...ALPHABET].map((character, value) => [character, value]))
  const bytes = new Uint8Array(text.length)
  let length = 0
  let shift = 0
  for (const character of text) {
    const value = values.get(character)!
    if (value >= DIRECT) shift = DIRECT * (value - DIRECT + 1)
    else {
      bytes[length++] = order[value + shift]
      shift = 0
    }
  }
  return bytes.slice(0, length)
}

/** The text that stands for `bytes`. */
export function encodePrintable(bytes: Uint8Array, short: string): string {
  const order = bytesBehind(short)
  let text = ''
  for (const byte of bytes) {
    const place = order.indexOf(byte)
    const page = Math.floor(place / DIRECT)
    text += (page === 0 ? '' : ALPHABET[DIRECT + page - 1]) + ALPHABET[place % DIRECT]
  }
  return text
}

/** All bytes, those of `short` first. */
function bytesBehind(short: string): number[] {
  const first = short.split(',').map((byte) => Number.parseInt(byte, 36))
  return [...new Set([...first, ...Array(256).keys()])]
}

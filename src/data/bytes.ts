// Bytes as text: one character, U+0000 to U+00FF, for each byte. So every run of bytes, whole characters of UTF-8 or
// not, has one string, which JSON keeps, and ASCII reads as itself.

/** Code units whose bytes are made at once: what a call takes as arguments. */
const BLOCK = 8192

/** The UTF-8 of a text, one character a byte. */
export function bytesOf(text: string): string {
  const bytes = new TextEncoder().encode(text)
  // As many bytes as code units: ASCII.
  if (bytes.length === text.length) return text
  let made = ''
  for (let i = 0; i < bytes.length; i += BLOCK) made += String.fromCharCode(...bytes.subarray(i, i + BLOCK))
  return made
}

/** From bytes that come in pieces, one character a byte, to the text of the UTF-8 characters that are whole by then. */
export class ByteText {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  push(bytes: string): string {
    return this.#decoder.decode(
      Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)),
      { stream: true },
    )
  }

  /** What a character cut off at the end comes to: U+FFFD. */
  flush(): string {
    return this.#decoder.decode()
  }
}

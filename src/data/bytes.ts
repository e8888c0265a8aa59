// Bytes as text: one character, U+0000 to U+00FF, for each byte. Any bytes, even if they end within a UTF-8 character,
// can thus be kept as a string and in JSON, and ASCII text stays as it is.

/** Bytes that become characters in one call, whose number of arguments is limited. */
const BYTES_PER_CALL = 8192

/** The UTF-8 of a text, with one character for each byte. */
export function bytesOf(text: string): string {
  const bytes = new TextEncoder().encode(text)
  // A text with as many bytes as code units is ASCII.
  if (bytes.length === text.length) return text
  let made = ''
  for (let i = 0; i < bytes.length; i += BYTES_PER_CALL)
    made += String.fromCharCode(...bytes.subarray(i, i + BYTES_PER_CALL))
  return made
}

/** Decodes UTF-8 that comes in pieces, with one character for each byte; returns characters once they are whole. */
export class ByteText {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  push(bytes: string): string {
    return this.#decoder.decode(
      Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)),
      { stream: true },
    )
  }

  /** U+FFFD if the last character is cut off, or else nothing. */
  flush(): string {
    return this.#decoder.decode()
  }
}

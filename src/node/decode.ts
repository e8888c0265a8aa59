import { isAscii, isUtf8 } from 'node:buffer'
import { DataError } from '../core/errors.js'
import { markedEncoding } from '../data/encoding.js'
import { kindOfBinary, likelyCyrillic, looksWestern, unmarkedUtf16 } from './recognize.js'

/** How many bytes at a file's beginning are used to recognize its kind. */
const HEAD = 4096

/**
 * Decodes bytes that come in chunks cut anywhere. Without an encoding they are read as UTF-8, or as a byte order mark
 * says. A mark is not part of the text, and takes precedence over the given encoding.
 * @param name the file's name, for messages
 * @param encoding a name that `encodingOf` returned
 * @throws DataError for bytes that are not text in this encoding; it says what they are instead, if that can be known
 */
export async function* decodeText(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
  encoding?: string,
): AsyncGenerator<string> {
  let head: Buffer | undefined = Buffer.alloc(0)
  let decoder: Decoder | undefined
  for await (const chunk of chunks) {
    if (!head) {
      yield decoder!.push(chunk)
      continue
    }
    head = Buffer.concat([head, chunk])
    if (head.length < HEAD) continue
    decoder = beginDecoding(head, name, encoding)
    yield decoder.push(head)
    head = undefined
  }
  if (head) {
    decoder = beginDecoding(head, name, encoding)
    yield decoder.push(head)
  }
  yield decoder!.flush()
}

/** Turns bytes, in parts that are cut anywhere, into text. */
interface Decoder {
  push(bytes: Uint8Array): string
  flush(): string
}

function beginDecoding(head: Buffer, name: string, encoding: string | undefined): Decoder {
  const binary = kindOfBinary(head)
  if (binary) throw new DataError(`${name}: the file is ${binary.what}, expected text; ${binary.advice}`)
  const marked = markedEncoding(head)
  const decoding = marked ?? encoding ?? 'utf-8'
  if (decoding === 'utf-8') return new Utf8(name, marked !== undefined || encoding !== undefined)
  if (!marked && decoding.startsWith('utf-16')) {
    const likelier = looksUtf8(head) ? 'utf-8' : unmarkedUtf16(head)
    if (likelier && likelier !== decoding) {
      throw new DataError(
        `${name}: the encoding is given as ${decoding}, but the file looks like ${likelier}; use ${saying(likelier)}`,
      )
    }
  }
  return new Labelled(name, decoding)
}

/** In UTF-16, spaces and line breaks contain NULs, and few characters are valid UTF-8 by chance. */
const looksUtf8 = (head: Buffer): boolean =>
  head.length >= 16 && !head.includes(0) && isUtf8(head.subarray(0, head.length - incomplete(head)))

class Utf8 implements Decoder {
  /** The latest bytes; those from `whole` on are the beginning of an unfinished character. */
  #last: Buffer = Buffer.alloc(0)
  #whole = 0
  /** How many bytes came before `last`. */
  #before = 0
  /** Whether there was a character beyond ASCII. */
  #beyondAscii = false

  /**
   * @param said whether a byte order mark or the user says that the text is UTF-8; then NUL counts as a character like
   * any other
   */
  constructor(
    readonly name: string,
    readonly said: boolean,
  ) {}

  push(chunk: Uint8Array): string {
    // The bytes are copied, because the chunk's buffer will be overwritten.
    const bytes = Buffer.concat([this.#last.subarray(this.#whole), chunk])
    this.#before += this.#whole
    this.#last = bytes
    this.#whole = bytes.length - incomplete(bytes)
    return this.#decode(bytes.subarray(0, this.#whole))
  }

  flush(): string {
    if (this.#whole < this.#last.length) throw this.#broken(this.#last, this.#whole)
    return ''
  }

  #decode(bytes: Buffer): string {
    const ascii = isAscii(bytes)
    if (!ascii && !isUtf8(bytes)) throw this.#broken(bytes, firstBroken(bytes))
    if (!this.said && bytes.includes(0)) throw this.#hasNul(bytes)
    // Most text is ASCII, which decodes faster as Latin-1.
    const text = bytes.toString(ascii ? 'latin1' : 'utf8')
    const marked = this.#before === 0 && text.startsWith('\uFEFF')
    this.#beyondAscii ||= !ascii
    return marked ? text.slice(1) : text
  }

  #broken(bytes: Buffer, place: number): DataError {
    const said = `${this.name}: the file is not UTF-8 text from byte ${this.#before + place} on`
    const utf16 = this.#utf16(bytes)
    if (utf16) return new DataError(`${said}, expected text; it looks like ${utf16}`)
    if (bytes.includes(0)) return new DataError(`${said} and contains NULs, as binary files do; expected text`)
    if (this.said || this.#beyondAscii || mostlyUtf8(bytes)) {
      return new DataError(
        `${said}, although ${this.said ? 'that is its given encoding' : 'it is up to there'}; it is damaged there or cut off. Repair it, for example with iconv -c -f utf-8 -t utf-8, which leaves out invalid bytes`,
      )
    }
    const cyrillic = likelyCyrillic(bytes)
    const advice = looksWestern(bytes)
      ? `${saying('windows-1252')} if it was written on Windows in a Western European language`
      : `${cyrillic ? `${saying(cyrillic)} if it is Cyrillic` : saying('shift_jis')}, or another: iso-8859-5, euc-jp, gb18030, big5, euc-kr, …`
    return new DataError(`${said}; name the encoding that it has: ${advice}`)
  }

  #hasNul(bytes: Buffer): DataError {
    const utf16 = this.#utf16(bytes)
    if (utf16) return new DataError(`${this.name}: the file looks like ${utf16}`)
    return new DataError(
      `${this.name}: the file has a NUL at byte ${this.#before + bytes.indexOf(0)}, as binary files have, expected text; if it is UTF-8 text nevertheless, use ${saying('utf-8')}`,
    )
  }

  #utf16(bytes: Buffer): string | undefined {
    const encoding = this.#before === 0 && !this.said ? unmarkedUtf16(bytes.subarray(0, HEAD)) : undefined
    return encoding && `${encoding} without a byte order mark; if that is what it is, use ${saying(encoding)}`
  }
}

/** How an encoding is given to the library and to the command. */
const saying = (encoding: string): string => `encoding: '${encoding}' (on the command line --encoding ${encoding})`

/** An encoding other than UTF-8. */
class Labelled implements Decoder {
  readonly #decoder: TextDecoder
  #before = 0

  constructor(
    readonly name: string,
    readonly encoding: string,
  ) {
    this.#decoder = new TextDecoder(encoding, { fatal: true })
  }

  push(bytes: Uint8Array): string {
    if (this.encoding === 'windows-1252') return windows1252(bytes)
    const text = this.#decode(() => this.#decoder.decode(bytes, { stream: true }))
    this.#before += bytes.length
    return text
  }

  flush(): string {
    return this.#decode(() => this.#decoder.decode(), 'the file ends within a character, so it may be cut off')
  }

  #decode(decode: () => string, problem = `there is an invalid byte at byte ${this.#before} or later`): string {
    try {
      return decode()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error
      throw new DataError(
        `${this.name}: the file is not ${this.encoding} text: ${problem}; repair it, or name the encoding that it has`,
      )
    }
  }
}

/** Characters of the bytes 0x80 to 0x9f. Bytes without one are control characters, as everywhere on the web. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

/** Some versions of Node's own decoder read these bytes as control characters (nodejs/node#56542). */
const windows1252 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (control) => WINDOWS_1252[control.charCodeAt(0) - 0x80])

/** How many bytes at the end belong to an unfinished character. */
function incomplete(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]
    // Goes back to the character's first byte, which says how many bytes it has.
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? back : 0
  }
  return 0
}

/** Whether most characters beyond ASCII are whole; two bytes of another encoding can form one by chance. */
function mostlyUtf8(bytes: Buffer): boolean {
  const text = bytes.toString('utf8')
  const whole = text.match(/[^\0-\x7f\uFFFD]/gu)?.length ?? 0
  return whole > 0 && whole >= text.split('\uFFFD').length - 1
}

/** The position of the first character that is not UTF-8. */
function firstBroken(bytes: Buffer): number {
  // The bytes, decoded leniently and encoded again, differ from the first broken character on.
  const again = Buffer.from(bytes.toString('utf8'))
  let place = again.findIndex((byte, i) => byte !== bytes[i])
  while ((again[place] & 0xc0) === 0x80) place--
  return place
}

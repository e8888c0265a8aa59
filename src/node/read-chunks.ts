import { isAscii, isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import { DataError } from '../core/errors.js'

/** Bytes read at once: few enough that what is made of them is young garbage, collected at once. */
const CHUNK = 2 ** 16

/** A file's bytes, some at a time, in a buffer that the next ones are written over. @throws DataError */
export async function* readChunks(file: string): AsyncGenerator<Buffer> {
  const handle = await open(file).catch((error) => {
    throw unreadable(file, error)
  })
  try {
    const buffer = Buffer.allocUnsafe(CHUNK)
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK).catch((error) => {
        throw unreadable(file, error)
      })
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

/**
 * The text of UTF-8 bytes that come in chunks cut anywhere; a byte order mark is dropped.
 * @param name of the file, for messages
 * @throws DataError for bytes that are not UTF-8, saying where
 */
export async function* decodeUtf8(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0)
  /** Bytes before `rest`. */
  let before = 0
  const decode = (bytes: Buffer): string => {
    if (!isUtf8(bytes)) throw notUtf8(name, before + firstBroken(bytes))
    // ASCII, which most text is, takes less time as what it is.
    const text = bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8')
    const marked = before === 0 && text.startsWith('\uFEFF')
    before += bytes.length
    return marked ? text.slice(1) : text
  }
  for await (const chunk of chunks) {
    // A copy of what is kept: the chunk's buffer is written over.
    const bytes = Buffer.concat([rest, chunk])
    const whole = bytes.length - incomplete(bytes)
    if (whole > 0) yield decode(bytes.subarray(0, whole))
    rest = bytes.subarray(whole)
  }
  if (rest.length > 0) throw notUtf8(name, before)
}

/** How many bytes at the end begin a character and don't end it. */
function incomplete(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]
    // Until the character's first byte, which says how many there are.
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? back : 0
  }
  return 0
}

/** Where the first character begins that is not UTF-8. */
function firstBroken(bytes: Buffer): number {
  // Decoded leniently and encoded again, the bytes differ from where they are broken.
  const again = Buffer.from(bytes.toString('utf8'))
  let place = again.findIndex((byte, i) => byte !== bytes[i])
  while ((again[place] & 0xc0) === 0x80) place--
  return place
}

const notUtf8 = (name: string, place: number): DataError =>
  new DataError(
    `${name}: the file is not UTF-8 text from byte ${place} on; convert it first, for example with iconv -f latin1 -t utf-8`,
  )

export function unreadable(file: string, { code, message }: NodeJS.ErrnoException): DataError {
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file or directory',
    EACCES: 'it may not be read (permission denied)',
    EISDIR: 'it is a directory, expected a text file',
  }
  return new DataError(`${file || 'the empty path'}: ${(code && reasons[code]) ?? message}`)
}

import { describe } from '../core/describe.js'
import { FormatError } from '../core/errors.js'
import { Sha256 } from '../core/sha256.js'

/** Bytes that are read part by part, such as those of a file; offsets and lengths are in bytes. */
export interface ByteSource {
  readonly size: number
  /** `length` bytes from `offset` on, or fewer at the end. */
  read(offset: number, length: number): Promise<Uint8Array>
}

/** Bytes that are hashed at a time. */
const PART = 2 ** 24

/** Bytes in memory as a source. */
export const sourceOf = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
})

/**
 * @param where the source's name, for messages
 * @throws FormatError if the source does not give `length` bytes, for example because the file was truncated in the
 *   meantime
 */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  where: string,
): Promise<Uint8Array> {
  const bytes = await source.read(offset, length)
  if (!(bytes instanceof Uint8Array)) {
    throw new FormatError(`${where}: read() gave ${describe(bytes)}, expected a Uint8Array of ${length} bytes`)
  }
  if (bytes.length === length) return bytes
  throw new FormatError(
    `${where}: ${bytes.length} bytes came from offset ${offset}, expected ${length}; the file may have changed while it was read`,
  )
}

/** The most bytes that the Web Crypto API takes: Node counts their bits in 31 bits. */
const MOST_AT_ONCE = 2 ** 28 - 1

/**
 * The SHA-256 of a source from an offset on, as hexadecimal digits. It is computed by the Web Crypto API, which is
 * about four times as fast as our own, if that exists and takes as many bytes.
 */
export async function sha256Of(source: ByteSource, where: string, from = 0): Promise<string> {
  const length = Math.max(0, source.size - from)
  const subtle = globalThis.crypto?.subtle
  if (subtle && length <= MOST_AT_ONCE) {
    const bytes = await readExactly(source, from, length, where)
    return toHex(new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)))
  }
  const hash = new Sha256()
  for (let at = from; at < source.size; at += PART) {
    hash.update(await readExactly(source, at, Math.min(PART, source.size - at), where))
  }
  return hash.digest()
}

const toHex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** Concatenates arrays of bytes. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

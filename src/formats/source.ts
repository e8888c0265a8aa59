import { FormatError } from '../core/errors.js'
import { Sha256 } from '../core/sha256.js'

/** Bytes that are read part by part, such as those of a file; offsets and lengths are in bytes. */
export interface ByteSource {
  readonly size: number
  /** The bytes from `offset` on; `length` of them, or fewer where they end. */
  read(offset: number, length: number): Promise<Uint8Array>
}

/** Bytes that are hashed at once. */
const PART = 2 ** 24

/** Bytes in memory as a source. */
export const sourceOf = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
})

/**
 * @param where the source's name, for messages
 * @throws FormatError where a source gives other than `length` bytes, as a file does that was cut meanwhile
 */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  where: string,
): Promise<Uint8Array> {
  const bytes = await source.read(offset, length)
  if (bytes.length === length) return bytes
  throw new FormatError(
    `${where}: ${bytes.length} bytes came from offset ${offset}, expected ${length}; the file may have changed while it was read`,
  )
}

/** SHA-256 of a source from an offset on, as hexadecimal digits. */
export async function sha256Of(source: ByteSource, where: string, from = 0): Promise<string> {
  const hash = new Sha256()
  for (let at = from; at < source.size; at += PART) {
    hash.update(await readExactly(source, at, Math.min(PART, source.size - at), where))
  }
  return hash.digest()
}

import { open } from 'node:fs/promises'
import { DataError } from '../core/errors.js'

/** Bytes read at once, few enough that objects made from them die young and are collected soon. */
const CHUNK = 2 ** 16

/** A file's bytes, some at a time, in a buffer that is reused for the next ones. @throws DataError */
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

export function unreadable(file: string, { code, message }: NodeJS.ErrnoException): DataError {
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file or directory',
    EACCES: 'it may not be read (permission denied)',
    EISDIR: 'it is a directory, expected a text file',
  }
  return new DataError(`${file || 'the empty path'}: ${(code && reasons[code]) ?? message}`)
}

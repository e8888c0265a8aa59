import { FormatError } from '../core/errors.js'
import type { ByteSource } from '../formats/source.js'
import { open, stat } from './files.js'

/** A file that is open for reading. It stays the same file even if another replaces it. */
export interface OpenFile extends ByteSource {
  close(): Promise<void>
}

/**
 * Opens a file; returns undefined if there is none.
 * @param name the file's name, for messages
 * @throws FormatError for a folder, a device, or a file that cannot be read
 */
export async function openFile(file: string, name = file): Promise<OpenFile | undefined> {
  const readable = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (error instanceof FormatError || isMissing(code)) throw error
      throw new FormatError(`${name}: the file cannot be read (${message})`)
    }
  }
  try {
    const handle = await readable(async () => {
      // Checked before it is opened, because opening a pipe would wait for a writer.
      if (!(await stat(file)).isFile()) throw new FormatError(`${name}: it is not a regular file`)
      return open(file)
    })
    const { size } = await handle.stat()
    const read = async (offset: number, length: number) => {
      const bytes = new Uint8Array(Math.min(length, Math.max(0, size - offset)))
      let end = 0
      while (end < bytes.length) {
        const { bytesRead } = await handle.read(bytes, end, bytes.length - end, offset + end)
        if (bytesRead === 0) break
        end += bytesRead
      }
      return bytes.subarray(0, end)
    }
    return { size, read: (offset, length) => readable(() => read(offset, length)), close: () => handle.close() }
  } catch (error) {
    if (isMissing((error as NodeJS.ErrnoException).code)) return undefined
    throw error
  }
}

/** Whether there is no such file: also where one of its folders is a file. */
const isMissing = (code: string | undefined): boolean => code === 'ENOENT' || code === 'ENOTDIR'

/** Opens a file, calls `work` with it and closes it; returns undefined if there is none. */
export async function withFile<T>(file: string, work: (file: OpenFile) => Promise<T>): Promise<T | undefined> {
  const opened = await openFile(file)
  if (!opened) return undefined
  try {
    return await work(opened)
  } finally {
    await opened.close()
  }
}

import { FormatError } from '../core/errors.js'
import { readFile, stat } from './files.js'

/** Bytes that Node reads at once. */
export const MOST_BYTES = 2 ** 31 - 1

/**
 * The bytes of a file, or undefined where there is none.
 * @param name of the file, for messages
 * @param limit bytes beyond which the file is not read
 * @throws FormatError for a larger file, a folder, a device, or a file that cannot be read
 */
export async function readWhole(file: string, name: string, limit: number): Promise<Buffer | undefined> {
  try {
    const info = await stat(file)
    if (!info.isFile()) throw new FormatError(`${name}: it is not a regular file`)
    if (info.size > limit) throw new FormatError(`${name}: the file has ${info.size} bytes, expected at most ${limit}`)
    return await readFile(file)
  } catch (error) {
    if (error instanceof FormatError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new FormatError(`${name}: the file cannot be read (${message})`)
  }
}

import type { Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { DataError } from '../core/errors.js'

/**
 * The text of a file, or of all .txt files in a directory in the order of their names, one after another.
 * @throws DataError where there is none, it cannot be read, or is not UTF-8
 */
export async function readText(source: string): Promise<string> {
  const info = await describe(source)
  if (!info.isDirectory()) return decode(await read(source), source)
  const names = (await list(source)).filter((name) => name.endsWith('.txt')).sort()
  if (names.length === 0) throw new DataError(`${source}: the directory has no .txt files, expected at least one`)
  const texts: string[] = []
  for (const name of names) {
    const file = path.join(source, name)
    texts.push(decode(await read(file), file))
  }
  return texts.join('\n')
}

const describe = (source: string): Promise<Stats> =>
  stat(source).catch((error) => {
    throw unreadable(source, error)
  })

const list = (directory: string): Promise<string[]> =>
  readdir(directory).catch((error) => {
    throw unreadable(directory, error)
  })

const read = (file: string): Promise<Buffer> =>
  readFile(file).catch((error) => {
    throw unreadable(file, error)
  })

function unreadable(file: string, { code, message }: NodeJS.ErrnoException): DataError {
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file or directory',
    EACCES: 'it may not be read (permission denied)',
    EISDIR: 'it is a directory, expected a text file',
  }
  return new DataError(`${file || 'the empty path'}: ${(code && reasons[code]) ?? message}`)
}

/** The bytes as text; a byte order mark is dropped. */
function decode(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Decoded leniently and encoded again, the bytes differ from where they are broken.
    const again = Buffer.from(bytes.toString('utf8'))
    const place = again.findIndex((byte, i) => byte !== bytes[i])
    throw new DataError(
      `${file}: the file is not UTF-8 text from byte ${place} on; convert it first, for example with iconv -f latin1 -t utf-8`,
    )
  }
}

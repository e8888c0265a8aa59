import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { DataError } from '../core/errors.js'
import { checkPath } from './path-argument.js'
import { openPipe, until } from './pipe.js'

/** What reading a table has besides the table's options. */
export interface ReadingOptions {
  /** Ends the reading, also the wait for standard input or a pipe, either of which may stay silent forever. */
  signal?: AbortSignal
}

/**
 * The text of a UTF-8 file, of a pipe, or of standard input if the file is `-`.
 * @throws DataError for a file that cannot be read; the reason of the signal if that aborts
 */
export async function tableText(where: string, file: string, { signal }: ReadingOptions = {}): Promise<string> {
  checkPath(where, 'the file', file)
  signal?.throwIfAborted()
  const info = file === '-' ? undefined : await stat(file).catch(() => undefined)
  // One such as /dev/zero has no end.
  if (info?.isCharacterDevice() || info?.isBlockDevice()) {
    throw new DataError(`${file}: it is a device, expected a CSV file; standard input is -`)
  }
  const read = async () => {
    if (file === '-') return standardInput(signal)
    return info?.isFIFO() ? buffer(until(signal, () => openPipe(file))) : readFile(file)
  }
  const bytes = await read().catch((error: NodeJS.ErrnoException) => {
    signal?.throwIfAborted()
    const reason = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' }[error.code ?? ''] ?? error.message
    throw new DataError(`${file}: ${reason}, expected a CSV file`)
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new DataError(`${tableName(file)}: the file is not UTF-8, expected CSV in that encoding; save it as UTF-8`)
  }
}

/** The name of a table for messages. */
export const tableName = (file: string): string => (file === '-' ? 'standard input' : file)

/** The name by which a table is found again from any folder. */
export const tablePlace = (file: string): string => (file === '-' ? file : path.resolve(file))

/** Standard input ends once, so it is kept for a run that reads its table again. */
let input: Promise<Uint8Array> | undefined

async function standardInput(signal: AbortSignal | undefined): Promise<Uint8Array> {
  input ??= buffer(until(signal, () => process.stdin))
  return input
}

import { DataError } from '../core/errors.js'
import { type Checkpoint, checkCheckpoint, decodeCheckpoint, encodeCheckpoint } from '../run/checkpoint.js'
import { writeFileAtomic } from './atomic.js'
import { withFile } from './open-file.js'
import { checkPath } from './path-argument.js'

/**
 * Writes a checkpoint whole or not at all. See `encodeCheckpoint`.
 * @returns its size in bytes
 * @throws DataError for a model that could not be loaded again, for example because a parameter is not finite; nothing is
 *   written then
 */
export async function saveCheckpoint(file: string, checkpoint: Checkpoint): Promise<number> {
  checkPath('saveCheckpoint', 'the file', file)
  checkCheckpoint('saveCheckpoint', checkpoint, 'loadCheckpoint')
  const bytes = await encodeCheckpoint(checkpoint, file)
  await writeFileAtomic(file, bytes)
  return bytes.length
}

/** @throws DataError if there is none; FormatError for a damaged or forged one */
export async function loadCheckpoint(file: string): Promise<Checkpoint> {
  checkPath('loadCheckpoint', 'the file', file)
  const read = await withFile(file, (opened) => decodeCheckpoint(opened, file))
  if (!read) throw new DataError(`${file}: there is no such file, expected the checkpoint of a training`)
  return read
}

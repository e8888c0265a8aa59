import { describe } from '../core/describe.js'
import { DataError, OptionError } from '../core/errors.js'
import { Vocab } from '../data/vocab.js'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../run/checkpoint.js'
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
  const parts = checkpoint as Partial<Checkpoint> | undefined | null
  if (!parts?.config || !(parts.vocab instanceof Vocab) || !parts.tensors) {
    throw new OptionError(
      `saveCheckpoint: the checkpoint is ${describe(checkpoint)}, expected { config, vocab, tensors }, as loadCheckpoint gives it`,
    )
  }
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

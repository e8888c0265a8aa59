import { checkMethods } from '../core/check.js'
import { DataError, FormatError } from '../core/errors.js'
import type { TrainingProgress } from '../train/progress.js'
import { type Checkpoint, json, storedCheckpoint, unsealed } from './checkpoint.js'
import { parseRecord, type RunRecord } from './record.js'
import type { RunOptions } from './run-options.js'
import { type RunText, readRunText, type TextSource } from './run-text.js'
import { CHECKPOINT, type RunStore } from './store.js'

/** A run as its last checkpoint has it. */
export interface SavedRun extends Checkpoint {
  progress: TrainingProgress
  record: RunRecord
  /** The name of the checkpoint's file, for messages. */
  file: string
}

/** @throws DataError if there is no run; FormatError for a damaged checkpoint */
export async function savedRun(store: RunStore): Promise<SavedRun> {
  const file = `${store.name}/${CHECKPOINT}`
  const { progress, ...checkpoint } = await storedCheckpoint(store, CHECKPOINT)
  const record = parseRecord(checkpoint.run, file)
  if (!progress) throw new FormatError(`${file}: the progress of the training is missing`)
  return { ...checkpoint, progress, record, file }
}

/** The record of the last run of any kind in a store; undefined if there is none. @throws FormatError for a damaged one */
export async function storedRecord(store: RunStore): Promise<RunRecord | undefined> {
  const where = `${store.name}/${CHECKPOINT}`
  const read = await store.read(CHECKPOINT, (file) => unsealed(file, where))
  return read && parseRecord(json(read.metadata.run ?? 'null', where), where)
}

/**
 * Reads the text that a run began with.
 * @param text the text, or a function that is given the recorded names of the text
 * @throws DataError if it is another text
 */
export async function sameText(
  where: string,
  store: RunStore,
  text: TextSource | ((names: readonly string[]) => TextSource),
  options: RunOptions,
  { record, vocab }: Pick<SavedRun, 'record' | 'vocab'>,
  signal: AbortSignal | undefined,
): Promise<RunText> {
  const source = typeof text === 'function' ? text(record.texts) : text
  checkMethods(where, 'text', source, ['read'], 'a TextSource, as textSource makes it')
  const read = await readRunText(source, options, vocab, signal)
  if (read.fingerprint === record.text) return read
  await read.close?.()
  throw new DataError(
    `${read.source}: the text differs from the one that the training in ${store.name} began with; restore that text, or start a new training from this model (initFrom)`,
  )
}

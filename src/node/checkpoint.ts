import { createHash } from 'node:crypto'
import { describe } from '../core/describe.js'
import { DataError, FormatError, OptionError } from '../core/errors.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import { Vocab } from '../data/vocab.js'
import { checkModel, type ModelConfig, valuesProblem, vocabToJson } from '../formats/model.js'
import { encodeSafetensors, readSafetensors } from '../formats/safetensors.js'
import { inMemoryOf } from '../tensor/state.js'
import type { Tensor } from '../tensor/tensor.js'
import { parseProgress, type TrainingProgress, tensorsUnder } from '../train/state.js'
import { writeFileAtomic } from './atomic.js'
import { withFile } from './open-file.js'
import { checkPath } from './path-argument.js'

/** The files in a training's folder: the last step with all that going on needs, and the best model so far. */
export const CHECKPOINT = 'checkpoint.safetensors'
export const BEST = 'best.safetensors'
/** What the names of its event files for TensorBoard begin with. */
export const EVENT_FILE = 'events.out.tfevents.'

/** A model in the middle of its training, as one file. */
export interface Checkpoint {
  config: ModelConfig
  vocab: Vocab
  /** `model.…`, and of a training that can go on `optimizer.…` and `state.…`. */
  tensors: Record<string, Tensor>
  progress?: TrainingProgress
  /** What the command was told, as JSON. */
  run?: unknown
}

/**
 * Writes a checkpoint whole or not at all, as safetensors whose metadata hold the rest and a checksum of
 * everything. Whether the tensors are those of the configuration is checked when it is read.
 * @throws DataError for a parameter that is not finite; nothing is written then
 */
export async function saveCheckpoint(file: string, checkpoint: Checkpoint): Promise<number> {
  checkPath('saveCheckpoint', 'the file', file)
  const parts = checkpoint as Partial<Checkpoint> | undefined | null
  if (!parts?.config || !(parts.vocab instanceof Vocab) || !parts.tensors) {
    throw new OptionError(
      `saveCheckpoint: the checkpoint is ${describe(checkpoint)}, expected { config, vocab, tensors }, as loadCheckpoint gives it`,
    )
  }
  const { config, vocab, progress, run } = checkpoint
  const tensors = await inMemoryOf(checkpoint.tensors)
  const problem = valuesProblem(tensorsUnder('model', tensors))
  if (problem) throw new DataError(`${file}: ${problem}; nothing was saved: train again with a smaller learning rate`)
  const metadata: Record<string, string> = { format: 'unrolled checkpoint', config: JSON.stringify(config) }
  metadata.vocab = vocabToJson(vocab)
  if (progress) metadata.progress = JSON.stringify(progress)
  if (run !== undefined) metadata.run = JSON.stringify(run)
  const bytes = encodeSafetensors(tensors, { ...metadata, sha256: checksum(tensors, metadata) })
  await writeFileAtomic(file, bytes)
  return bytes.length
}

/** @throws DataError where there is none, FormatError for a damaged or forged one */
export async function loadCheckpoint(file: string): Promise<Checkpoint> {
  checkPath('loadCheckpoint', 'the file', file)
  const read = await withFile(file, (opened) => readSafetensors(opened, file))
  if (!read) throw new DataError(`${file}: there is no such file, expected the checkpoint of a training`)
  const { tensors, metadata } = read
  const { sha256, ...rest } = metadata
  if (rest.format !== 'unrolled checkpoint') {
    throw new FormatError(`${file}: the file is no checkpoint, expected one that a training wrote`)
  }
  if (sha256 !== checksum(tensors, rest)) {
    throw new FormatError(`${file}: the checkpoint is damaged: its checksum is another than that of its content`)
  }
  const { config, vocab } = checkModel(
    { config: rest.config ?? '', vocab: rest.vocab ?? '', parameters: tensorsUnder('model', tensors) },
    { config: `${file}: config`, vocab: `${file}: vocab`, parameters: file },
  )
  if (vocab.kind === 'bpe') await loadBytePairs()
  return {
    config,
    vocab,
    tensors,
    progress: rest.progress === undefined ? undefined : parseProgress(json(rest.progress, file), file),
    run: rest.run === undefined ? undefined : json(rest.run, file),
  }
}

function json(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new FormatError(`${file}: its metadata are not JSON`)
  }
}

/** SHA-256 of names, shapes and values, and of the metadata. */
function checksum(tensors: Readonly<Record<string, Tensor>>, metadata: Readonly<Record<string, string>>): string {
  const hash = createHash('sha256').update(JSON.stringify(metadata))
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    hash.update(JSON.stringify([name, data[Symbol.toStringTag], shape]))
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest('hex')
}

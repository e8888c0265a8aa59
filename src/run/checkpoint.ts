import { checkArgument, checkMethods } from '../core/check.js'
import { describe } from '../core/describe.js'
import { DataError, FormatError, OptionError } from '../core/errors.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import { Vocab } from '../data/vocab.js'
import { checkModel, checkSavable, type ModelConfig, vocabToJson } from '../formats/model-config.js'
import { encodeSafetensors, openSafetensors, readSafetensors } from '../formats/safetensors.js'
import { type ByteSource, joined, sha256Of, sourceOf } from '../formats/source.js'
import { asTensors, inMemoryOf } from '../tensor/saved-tensors.js'
import { Tensor } from '../tensor/tensor.js'
import { checkNumbers, parseProgress, type TrainingProgress, tensorsUnder } from '../train/progress.js'
import type { RunStore } from './store.js'

/** A model in the middle of its training. */
export interface Checkpoint {
  config: ModelConfig
  vocab: Vocab
  /** Named `model.…`; a training that can be resumed also has `optimizer.…` and `state.…`. */
  tensors: Record<string, Tensor>
  progress?: TrainingProgress
  /** The record of the run, as JSON. */
  run?: unknown
}

/** What the metadata of a checkpoint says that it is, by what its training is on. */
export const checkpointFormats = {
  text: 'unrolled checkpoint',
  series: 'unrolled series checkpoint',
  labels: 'unrolled labels checkpoint',
}

/** What trainings are on, in words. */
export const trainedOn = { text: 'a text', series: 'series of numbers', labels: 'labelled texts' }

/** What the training of a checkpoint is on; undefined for another file. @throws FormatError for one that is damaged */
export async function checkpointKind(file: ByteSource, where: string): Promise<keyof typeof trainedOn | undefined> {
  const { format } = (await openSafetensors(file, where)).metadata
  const found = Object.entries(checkpointFormats).find(([, name]) => name === format)
  return found?.[0] as keyof typeof trainedOn | undefined
}

/**
 * A checkpoint as the bytes of one file: safetensors whose metadata holds the rest and a checksum of everything.
 * @param where the file's name, for messages
 * @throws DataError for a model that could not be loaded again, for example because a parameter is not finite;
 *   FormatError if an average of the optimizer or the carried state holds NaN
 */
export async function encodeCheckpoint(checkpoint: Checkpoint, where = 'encodeCheckpoint'): Promise<Uint8Array> {
  checkCheckpoint(where, checkpoint, 'decodeCheckpoint')
  const { config, vocab, progress, run } = checkpoint
  const tensors = await inMemoryOf(checkpoint.tensors)
  checkSavable(where, config, vocab, tensorsUnder('model', tensors))
  checkNumbers(where, tensors)
  const metadata: Record<string, string> = { format: checkpointFormats.text, config: JSON.stringify(config) }
  metadata.vocab = vocabToJson(vocab)
  if (progress) metadata.progress = JSON.stringify(parseProgress(progress, `${where}: the progress`))
  if (run !== undefined) metadata.run = asJson(run, where)
  return sealed(tensors, metadata)
}

/** Tensors and metadata as the bytes of one file, with a checksum of everything. */
export async function sealed(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  return encodeSafetensors(tensors, { ...metadata, sha256: await checksum(tensors, metadata) })
}

/**
 * The tensors and the metadata of a file that `sealed` made.
 * @param formats what the metadata may say that it is
 * @param expected ends the message for a file that is something else
 * @throws FormatError for such a file, and for a damaged one
 */
export async function unsealed(
  file: ByteSource,
  where: string,
  formats: readonly string[] = Object.values(checkpointFormats),
  expected = 'a checkpoint, expected one that a training wrote',
): Promise<{ tensors: Record<string, Tensor>; metadata: Readonly<Record<string, string>> }> {
  const read = await readSafetensors(file, where)
  const { sha256, ...metadata } = read.metadata
  if (!formats.includes(metadata.format ?? '')) throw new FormatError(`${where}: the file is not ${expected}`)
  const tensors = asTensors(read.tensors)
  if (sha256 !== (await checksum(tensors, metadata))) {
    throw new FormatError(`${where}: the checkpoint is damaged: its checksum does not match its content`)
  }
  return { tensors, metadata }
}

/**
 * @param where the file's name, for messages
 * @throws FormatError for a damaged or forged file; DataError if its tokens need a package that is not installed
 */
export async function decodeCheckpoint(
  bytes: Uint8Array | ByteSource,
  where = 'decodeCheckpoint',
): Promise<Checkpoint> {
  const file = bytes instanceof Uint8Array ? sourceOf(bytes) : bytes
  checkMethods(where, 'the checkpoint', file, ['read'], 'bytes, or what reads them part by part')
  const { tensors, metadata: rest } = await unsealed(file, where)
  if (rest.format !== checkpointFormats.text) {
    const [kind, command] =
      rest.format === checkpointFormats.series ? (['series', 'forecast'] as const) : (['labels', 'label'] as const)
    throw new FormatError(
      `${where}: the checkpoint is of a training on ${trainedOn[kind]}, expected one on a text; unrolled train --resume goes on with it, and unrolled ${command} uses its model once that is saved`,
    )
  }
  const { config, vocab } = checkModel(
    { config: rest.config ?? '', vocab: rest.vocab ?? '', parameters: tensorsUnder('model', tensors) },
    { config: `${where}: config`, vocab: `${where}: vocab`, parameters: where },
  )
  checkNumbers(where, tensors)
  if (vocab.kind === 'bpe') await loadBytePairs()
  return {
    config,
    vocab,
    tensors,
    progress: rest.progress === undefined ? undefined : parseProgress(json(rest.progress, where), where),
    run: rest.run === undefined ? undefined : json(rest.run, where),
  }
}

/** Reads a checkpoint of a store. @throws DataError if there is none; FormatError if it is damaged */
export async function storedCheckpoint(store: RunStore, name: string): Promise<Checkpoint> {
  const where = `${store.name}/${name}`
  const read = await store.read(name, (file) => decodeCheckpoint(file, where))
  if (!read) throw new DataError(`${where}: there is no such file, expected the checkpoint of a training`)
  return read
}

/** @param giver the function that gives what is expected @throws OptionError for a value that is not a checkpoint */
export function checkCheckpoint(where: string, checkpoint: unknown, giver: string): void {
  const given = checkpoint as Partial<Checkpoint> | undefined | null
  const fits = given?.config && given.vocab instanceof Vocab && allTensors(given.tensors)
  const expected = `{ config, vocab, tensors }, as ${giver} gives it`
  checkArgument(where, 'the checkpoint', checkpoint, Boolean(fits), expected)
}

const allTensors = (tensors: unknown): boolean =>
  typeof tensors === 'object' && tensors !== null && Object.values(tensors).every((one) => one instanceof Tensor)

/** @throws OptionError for what JSON cannot hold */
function asJson(run: unknown, where: string): string {
  try {
    const text = JSON.stringify(run)
    if (text !== undefined) return text
  } catch {
    // Refused below.
  }
  throw new OptionError(`${where}: run is ${describe(run)} that JSON cannot hold, expected plain data`)
}

/** @throws FormatError */
export function json(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new FormatError(`${where}: its metadata is not JSON`)
  }
}

/** SHA-256 of names, shapes and values, and of the metadata. */
async function checksum(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
): Promise<string> {
  const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const parts: Uint8Array[] = [bytesOf(metadata)]
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    parts.push(bytesOf([name, data[Symbol.toStringTag], shape]))
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return sha256Of(sourceOf(joined(parts)), 'the checkpoint')
}

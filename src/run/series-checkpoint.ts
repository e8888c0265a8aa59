import { boolean, finite, object, oneOf, optional, string, whole } from '../core/parse.js'
import { cellNames } from '../device/cells.js'
import { openSafetensors } from '../formats/safetensors.js'
import { parseSeriesConfig, type SeriesConfig } from '../formats/series-config.js'
import { inMemoryOf } from '../tensor/saved-tensors.js'
import type { Tensor } from '../tensor/tensor.js'
import { parseProgress, type TrainingProgress } from '../train/progress.js'
import { json, sealed, unsealed } from './checkpoint.js'
import { CHECKPOINT, type RunStore } from './store.js'

/** The options of a training of series that its checkpoint keeps. */
export interface SeriesRunOptions {
  /** The kind of recurrent layer. Default 'gru'. */
  cell: (typeof cellNames)[number]
  /** The nonlinearity of an RNN. Default 'tanh'. */
  nonlinearity?: 'tanh' | 'relu'
  /** Hidden units of each layer. Default 32. */
  hiddenSize: number
  /** Layers on top of each other. Default 1. */
  numLayers: number
  /** Probability of dropout between layers. Default 0. */
  dropout: number
  layerNorm?: boolean
  /** Windows in a batch. Default 32. */
  batchSize: number
  /** Passes over the windows. Default 10. */
  epochs: number
  /** The highest learning rate of AdamW. Default 0.01. */
  lr: number
  /** Default 0.01. */
  weightDecay: number
  /** Largest norm of all gradients together. Default 1. */
  clip: number
  /** Default 0. */
  seed: number
}

/** What a training of series needs to be resumed, besides its state. */
export interface SeriesRecord {
  options: SeriesRunOptions
  /** The path of the file. */
  file: string
  /** A checksum of its values. */
  fingerprint: string
  historyBytes: number
  finished: boolean
}

export interface SeriesCheckpoint {
  config: SeriesConfig
  record: SeriesRecord
  tensors: Record<string, Tensor>
  progress: TrainingProgress
}

const FORMAT = 'unrolled series checkpoint'

const recordSchema = object<SeriesRecord>({
  options: object<SeriesRunOptions>({
    cell: oneOf(...cellNames),
    nonlinearity: optional(oneOf('tanh', 'relu')),
    hiddenSize: whole(1),
    numLayers: whole(1),
    dropout: finite,
    layerNorm: optional(boolean),
    batchSize: whole(1),
    epochs: whole(1),
    lr: finite,
    weightDecay: finite,
    clip: finite,
    seed: finite,
  }),
  file: string,
  fingerprint: string,
  historyBytes: whole(0),
  finished: boolean,
})

export async function encodeSeriesCheckpoint(checkpoint: SeriesCheckpoint): Promise<Uint8Array> {
  const { config, record, progress } = checkpoint
  const tensors = await inMemoryOf(checkpoint.tensors)
  const metadata = {
    format: FORMAT,
    config: JSON.stringify(config),
    run: JSON.stringify(record),
    progress: JSON.stringify(progress),
  }
  return sealed(tensors, metadata)
}

/** Whether the last checkpoint of a store is one of a training of series. */
export async function isSeriesRun(store: RunStore): Promise<boolean> {
  const where = `${store.name}/${CHECKPOINT}`
  const format = await store.read(CHECKPOINT, async (file) => (await openSafetensors(file, where)).metadata.format)
  return format === FORMAT
}

/** @throws FormatError if it is damaged; undefined if there is none */
export async function storedSeriesCheckpoint(store: RunStore): Promise<SeriesCheckpoint | undefined> {
  const where = `${store.name}/${CHECKPOINT}`
  const expected = 'the checkpoint of a training of series, expected one'
  const read = await store.read(CHECKPOINT, (file) => unsealed(file, where, FORMAT, expected))
  if (!read) return undefined
  const { tensors, metadata } = read
  return {
    config: parseSeriesConfig(metadata.config ?? '', `${where}: config`),
    record: recordSchema(json(metadata.run ?? 'null', where), `${where}: run`),
    tensors,
    progress: parseProgress(json(metadata.progress ?? 'null', where), where),
  }
}

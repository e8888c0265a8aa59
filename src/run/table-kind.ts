import type { Generator } from '../core/random.js'
import type { LayerConfig, SavedFacts } from '../formats/layer-config.js'
import type { TrainingRecord } from '../formats/model-config.js'
import type { ModelFile } from '../formats/read-model.js'
import type { TensorValues } from '../formats/safetensors.js'
import type { Module } from '../nn/module.js'
import type { Batches } from './build.js'
import type { LossLimit } from './explosion.js'
import type { RunOptions } from './run-options.js'
import type { RunTraining } from './run-training.js'
import type { TrainingParts } from './training-parts.js'

/** What batches of a run are made with. */
export interface BatchOptions {
  generator: Generator
  batchSize: number
}

/** Where the table of a run comes from. `L` is what is read of it, `K` what a saved model knows of how to read it. */
export interface TableSource<L, K> {
  /** The name of the table, for messages. */
  readonly name: string
  /** The name by which the table is found again, for the record. */
  readonly place: string
  /** Reads the table for a new model. @throws DataError if it cannot be read; the reason of the signal if that aborts */
  read(how: BatchOptions, signal?: AbortSignal): Promise<L>
  /** Reads the table as a saved model expects it. @throws DataError if it does not fit the model */
  readFor(known: K, how: BatchOptions, signal?: AbortSignal): Promise<L>
}

/** What config.json has of any model that a table trains. */
export type TableConfig = LayerConfig & SavedFacts

/** A kind of training on a table: series of numbers, or labelled texts. `C` is the content of its models' config.json. */
export interface TableKind<M extends Module, L extends K, K, C extends TableConfig> {
  /** The functions that begin and resume it, for messages. */
  readonly start: string
  readonly resume: string
  /** What it trains on, for messages. */
  readonly what: string
  /** What the metadata of its checkpoints says. */
  readonly format: string
  /** The options that it has. */
  readonly options: readonly (keyof RunOptions)[]
  /** Their values where they are left out, if they differ from those of a run on a text. */
  readonly defaults: Partial<RunOptions>

  batches(data: L): Batches
  /** The share that is held out for validation; 0 if nothing is. */
  validation(data: L): number
  /**
   * The largest sizes of a batch: numbers that the model reads at a step, and steps; the option that limits the steps; numbers
   * of a step besides those of the layers, if they are not twice as many as the model reads; and which row has most steps.
   */
  sizes(
    data: L,
    options: RunOptions,
  ): { inputSize: number; steps: number; limitedBy: string; perStep?: number; longest?: string }
  /** A checksum of the data. */
  fingerprint(data: L): Promise<string>
  limit(data: L): LossLimit
  training(where: string, model: M, data: L, parts: TrainingParts): RunTraining

  /** The configuration of a new model. */
  newConfig(options: RunOptions, data: L): C
  modelOf(config: C, generator: Generator): M
  /** @throws FormatError if the parameters do not fit */
  modelWith(config: C, parameters: Readonly<Record<string, TensorValues>>, where: string, generator?: Generator): M
  configOf(model: M, known: K, trained?: TrainingRecord): C
  /** What a checkpoint keeps besides the configuration. */
  metadata(known: K): Record<string, string>
  /** @throws FormatError for the metadata of no checkpoint of this kind */
  parse(metadata: Readonly<Record<string, string>>, where: string): { config: C; known: K }
  /** The files of a saved model. @throws DataError for a model that could not be loaded again */
  files(where: string, model: M, data: L, trained: TrainingRecord): Promise<Partial<Record<ModelFile, Uint8Array>>>
  /** @throws FormatError for damaged files */
  decode(files: Readonly<Record<string, Uint8Array>>, where: string): Promise<{ model: M; config: C }>
}

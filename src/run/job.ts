import type { Device } from '../device/device.js'
import type { TrainingRecord } from '../formats/model-config.js'
import type { Module } from '../nn/module.js'
import type { LossLimit } from './explosion.js'
import type { ModelKeeping } from './model-keeping.js'
import type { RecordedOptions, RunRecord } from './record.js'
import type { RunOptions } from './run-options.js'
import type { RunTraining } from './run-training.js'
import type { RunStore } from './store.js'

/** A training that is ready to run. */
export interface Job<M extends Module = Module> {
  /** The options in force. For a resumed run, these are the recorded ones, except for those that were changed. */
  options: RunOptions
  model: M
  /** The device that computes. */
  device: Device
  training: RunTraining
  store: RunStore
  record: RunRecord
  /** The options that a resumed run changes. */
  changed: RecordedOptions
  /** The learning rate before the run was resumed. */
  earlierRate: number
  /** Sentences about what was loaded. */
  notes: string[]
  /** Sentences about options that have no effect. */
  warnings: string[]
  /** How its models are written and read. */
  keeping: ModelKeeping<M>
  /** Which losses show that the model is worth nothing. */
  limit: LossLimit
  /** What it is trained on, for the record in config.json. */
  origin: TrainingRecord
  /** Releases what it is trained on. */
  close?(): Promise<void>
}

import type { Vocab } from '../data/vocab.js'
import type { Device } from '../device/device.js'
import type { RNNModel } from '../nn/model.js'
import type { Training } from '../train/training.js'
import type { RecordedOptions, RunRecord } from './record.js'
import type { RunOptions } from './run-options.js'
import type { RunText } from './run-text.js'
import type { RunStore } from './store.js'

/** A training that is ready to run. */
export interface Job {
  /** The options in force. For a resumed run, these are the recorded ones, except for those that were changed. */
  options: RunOptions
  text: RunText
  model: RNNModel
  vocab: Vocab
  /** The device that computes. */
  device: Device
  training: Training
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
}

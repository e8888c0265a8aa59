import type { Vocab } from '../data/vocab.js'
import type { RNNModel } from '../nn/model.js'
import type { Training } from '../train/training.js'
import type { RecordedOptions, RunRecord } from './record.js'
import type { RunOptions } from './run-options.js'
import type { RunText } from './run-text.js'
import type { RunStore } from './store.js'

/** A training that is ready to run. */
export interface Job {
  /** As they are in force: of a run that goes on, mostly the recorded ones. */
  options: RunOptions
  text: RunText
  model: RNNModel
  vocab: Vocab
  training: Training
  store: RunStore
  record: RunRecord
  /** The options of a run that goes on that were other before. */
  changed: RecordedOptions
  /** The learning rate until now. */
  earlierRate: number
  /** What there is to say about what was loaded. */
  notes: string[]
  /** What has no effect, and may not be meant. */
  warnings: string[]
}

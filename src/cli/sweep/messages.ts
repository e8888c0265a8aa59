import type { RunOptions } from '../../config.js'

/** What a trial's process is told to do. */
export interface TrialTask {
  folder: string
  /** Paths of the text's files; empty for The Time Machine. */
  texts: string[]
  options: Partial<RunOptions>
  /** The epoch after which it ends. */
  epochs: number
}

/** What a trial's process tells. */
export type TrialMessage =
  | { type: 'epoch'; epoch: number }
  | { type: 'trained' }
  /** It was told to stop, and has saved its training. */
  | { type: 'stopped' }
  | { type: 'exploded' }
  | { type: 'failed'; name: string; message: string }

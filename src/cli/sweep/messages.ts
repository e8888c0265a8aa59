/** What a trial's process is told to do. */
export interface TrialTask {
  folder: string
  /** Paths of the text's files; empty for The Time Machine. */
  texts: string[]
  /** As a plan has them: a limit may be the word `all`, because JSON has no Infinity. */
  options: Record<string, string | number | boolean>
  /** The epoch after which it ends. */
  epochs: number
}

/** What a trial's process tells. */
export type TrialMessage =
  | { type: 'epoch'; epoch: number }
  | { type: 'trained' }
  /** It was told to stop, and has saved its training. */
  | { type: 'stopped' }
  /** Its loss became NaN or infinite. */
  | { type: 'diverged' }
  | { type: 'failed'; name: string; message: string }

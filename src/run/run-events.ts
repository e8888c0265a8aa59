import type { Ending } from '../train/training.js'
import type { TrainEvent } from '../train/training-events.js'
import type { Advice } from './explosion.js'

/** A text that the model made on the way. */
export interface SampleEvent {
  type: 'sample'
  text: string
}

/** What could not be done, while the run goes on. */
export interface WarningEvent {
  type: 'warning'
  message: string
}

/** The last step is made; what follows is saving. */
export interface TrainedEvent {
  type: 'trained'
  step: number
  /** Undefined where the training broke. */
  ended: Ending | undefined
}

/** What came of a run. */
export interface DoneEvent {
  type: 'done'
  /** Epochs that ended, those of earlier processes included. */
  epochs: number
  steps: number
  /** The epoch at hand. */
  epoch: number
  /** Of the last epoch that ended. */
  perplexity?: number
  tokensPerSecond?: number
  /** How long this process trained. */
  seconds: number
  /** Texts that the saved model makes. */
  samples: string[]
  /** Whether the model was saved. One that is worth nothing takes no other's place. */
  saved: boolean
  ended: Ending | undefined
  /** The lowest loss of the held-out text. */
  best?: { loss: number; step: number; since: number }
  /** Where the checkpoint is that the run can go on from; undefined where it is not worth it. */
  checkpoint?: string
}

/** The training broke: its loss says that its model is worth nothing. An error follows. */
export interface BrokenEvent extends Advice {
  type: 'broken'
  /** The step of the last checkpoint. */
  step: number
}

/** What a run tells: its training's events, and what it does beside. */
export type RunEvent = TrainEvent | SampleEvent | WarningEvent | TrainedEvent | DoneEvent | BrokenEvent

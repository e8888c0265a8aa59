/** An optimizer step was made. Some devices report several steps together. */
export interface StepEvent {
  type: 'step'
  /** The epoch, counted from 1. */
  epoch: number
  epochs: number
  /** The number of steps since the beginning. */
  step: number
  /** The number of batches of this epoch so far. */
  batch: number
  /** The mean over the step's tokens, in nats. */
  loss: number
  /** The learning rate of the step. */
  lr: number
  /** The norm of all gradients before clipping. */
  gradNorm: number
  /** The speed in this epoch so far, in this process. */
  tokensPerSecond: number
}

/** An epoch has ended. */
export interface EpochEvent {
  type: 'epoch'
  epoch: number
  epochs: number
  step: number
  /** The mean of the losses with which the epoch's tokens were trained on, in nats. */
  loss: number
  /** e^loss; Infinity if the loss is above 709.78, because a number cannot hold e^loss then. */
  perplexity: number
  /** That of the epoch's last step. */
  gradNorm: number
  lr: number
  tokensPerSecond: number
}

/** The model was evaluated on the held-out text. */
export interface ValidationEvent {
  type: 'validation'
  epoch: number
  step: number
  /** The mean over the held-out tokens, in nats. */
  loss: number
  /** e^loss; Infinity if a number cannot hold it. */
  perplexity: number
  /** Whether this is the lowest loss so far. */
  best: boolean
}

/** The events of a training. */
export type TrainEvent = StepEvent | EpochEvent | ValidationEvent

/** What is known after an optimizer step; the losses stay where they are computed. */
export interface StepEvent {
  type: 'step'
  /** Counted from 1. */
  epoch: number
  epochs: number
  /** Steps since the beginning. */
  step: number
  /** Batches of this epoch so far. */
  batch: number
  /** Mean over the step's tokens, in nats. */
  loss: number
  /** The learning rate that the step was made with. */
  lr: number
  /** Norm of all gradients before clipping. */
  gradNorm: number
  /** Of this epoch so far, in this process. */
  tokensPerSecond: number
}

/** What is known after an epoch. */
export interface EpochEvent {
  type: 'epoch'
  epoch: number
  epochs: number
  step: number
  /** Mean over the epoch's tokens, as they were trained on, in nats. */
  loss: number
  /** e^loss; Infinity where the loss is above 709.78, whose power a number cannot hold. */
  perplexity: number
  /** Of the epoch's last step. */
  gradNorm: number
  lr: number
  tokensPerSecond: number
}

/** What the model makes of the held-out text. */
export interface ValidationEvent {
  type: 'validation'
  epoch: number
  step: number
  /** Mean over the held-out tokens, in nats. */
  loss: number
  /** e^loss; Infinity where a number cannot hold it. */
  perplexity: number
  /** Whether it is the lowest loss so far. */
  best: boolean
}

/** What a training tells. */
export type TrainEvent = StepEvent | EpochEvent | ValidationEvent

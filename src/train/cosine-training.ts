import { checkNumber, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import type { Module } from '../nn/module.js'
import { AdamW } from '../optim/adam.js'
import { CosineLR } from '../optim/schedules.js'
import type { Objective, TrainingData } from './objective.js'
import { Training } from './training.js'
import type { TrainEvent } from './training-events.js'

/** How a model is trained by AdamW, whose rate rises over a twentieth of the steps and then falls to 0 along a cosine. */
export interface CosineTrainingOptions {
  /** Passes over the training part. Default 10. */
  epochs?: number
  /** The highest learning rate. Default 0.01. */
  lr?: number
  /** Weight decay of AdamW. Default 0.01. */
  weightDecay?: number
  /** The largest norm of all gradients together. Default 1. */
  clip?: number
  /** Called with each event. */
  report?: (event: TrainEvent) => void
  /** Stops the training after the current step. */
  signal?: AbortSignal
}

export const cosineTrainingOptions: OptionKinds<CosineTrainingOptions> = {
  epochs: 'any',
  lr: 'any',
  weightDecay: 'any',
  clip: 'any',
  report: 'function',
  signal: 'signal',
}

/**
 * A training by AdamW and a cosine.
 * @param heldOut evaluated after each epoch
 * @param where the function that the user called
 */
export function cosineTraining<M extends Module, B, D extends TrainingData<B>, H>(
  where: string,
  objective: Objective<M, B, D, H, never>,
  model: M,
  data: D,
  heldOut: H | undefined,
  options: CosineTrainingOptions,
): Training<M, B, D, H, never> {
  checkOptions(where, options, cosineTrainingOptions)
  const { epochs = 10, lr = 0.01, weightDecay = 0.01, clip = 1, signal } = options
  checkWhole(where, 'epochs', epochs)
  checkNumber(where, 'lr', lr, 0)
  objective.check(where, model, data, heldOut === undefined ? undefined : { corpus: heldOut })
  const optimizer = new AdamW(model.parameters(), { lr, weightDecay })
  const totalSteps = epochs * data.mostBatches
  const schedule = new CosineLR(optimizer, { totalSteps, warmupSteps: Math.floor(totalSteps / 20) })
  const validation = heldOut === undefined ? undefined : { corpus: heldOut }
  return new Training(model, data, { objective, optimizer, schedule, validation, epochs, clip, signal }, where)
}

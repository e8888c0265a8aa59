import type { Module } from '../nn/module.js'
import type { Optimizer } from '../optim/optimizer.js'
import type { Schedule } from '../optim/schedules.js'
import type { TrainingData } from '../train/objective.js'
import { makeOptimizer, makeSchedule } from './build.js'
import type { RunOptions } from './run-options.js'

/** What the options of a run say of its training, besides the model and the data. */
export interface TrainingParts
  extends Pick<RunOptions, 'epochs' | 'clip' | 'clipValue' | 'accumulate' | 'patience' | 'validateEvery'> {
  optimizer: Optimizer
  schedule: Schedule | undefined
  signal: AbortSignal | undefined
}

export function trainingParts(
  where: string,
  options: RunOptions,
  model: Module,
  data: Pick<TrainingData<unknown>, 'mostBatches'>,
  signal: AbortSignal | undefined,
): TrainingParts {
  const { epochs, clip, clipValue, accumulate, patience, validateEvery } = options
  const optimizer = makeOptimizer(options, model.parameters())
  const schedule = makeSchedule(where, options, optimizer, data)
  return { epochs, clip, clipValue, accumulate, patience, validateEvery, optimizer, schedule, signal }
}

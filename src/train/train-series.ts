import { checkNumber, checkWhole } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import type { SeriesData } from '../data/series/series-data.js'
import type { SeriesModel } from '../nn/series-model.js'
import { AdamW } from '../optim/adam.js'
import { CosineLR } from '../optim/schedules.js'
import { type Forecaster, intervalsOf } from './forecast.js'
import { forecasting } from './forecasting.js'
import { Training } from './training.js'
import type { TrainEvent } from './training-events.js'

/** Options of `trainSeries`. */
export interface TrainSeriesOptions {
  /** Passes over the windows of the training part. Default 10. */
  epochs?: number
  /** The highest learning rate. Default 0.01. */
  lr?: number
  /** Weight decay of AdamW. Default 0.01. */
  weightDecay?: number
  /** The largest norm of all gradients together. Default 1. */
  clip?: number
  /** Whether the loss of the validation part is measured after each epoch, which changes nothing. Default true. */
  validate?: boolean
  /** Called with each event. */
  report?: (event: TrainEvent) => void
  /** Stops the training after the current step. */
  signal?: AbortSignal
}

/** A training of series by AdamW, whose rate rises over a twentieth of the steps and then falls to 0 along a cosine. */
export function seriesTraining(model: SeriesModel, data: SeriesData, options: TrainSeriesOptions = {}) {
  const where = 'trainSeries'
  checkOptions(where, options, {
    ...{
      epochs: 'any',
      lr: 'any',
      weightDecay: 'any',
      clip: 'any',
      validate: 'boolean',
      report: 'function',
      signal: 'signal',
    },
  })
  const { epochs = 10, lr = 0.01, weightDecay = 0.01, clip = 1, validate = true, signal } = options
  checkWhole(where, 'epochs', epochs)
  checkNumber(where, 'lr', lr, 0)
  const optimizer = new AdamW(model.parameters(), { lr, weightDecay })
  const totalSteps = epochs * data.mostBatches
  const schedule = new CosineLR(optimizer, { totalSteps, warmupSteps: Math.floor(totalSteps / 20) })
  const validation = validate && data.origins('validation').length > 0 ? { corpus: data } : undefined
  return new Training(
    model,
    data,
    { objective: forecasting, optimizer, schedule, validation, epochs, clip, signal },
    where,
  )
}

/**
 * Trains a model on the training part of series, and measures on the validation part how wide its intervals must be. The
 * loss is the mean absolute error.
 * @throws DivergenceError if the loss is not finite
 */
export async function trainSeries(
  model: SeriesModel,
  data: SeriesData,
  options: TrainSeriesOptions = {},
): Promise<Forecaster> {
  for await (const event of seriesTraining(model, data, options).run()) options.report?.(event)
  return { model, spec: data.spec, intervals: await intervalsOf(model, data, options.signal) }
}

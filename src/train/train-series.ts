import { checkArgument } from '../core/check.js'
import type { SeriesData } from '../data/series/series-data.js'
import type { SeriesModel } from '../nn/series-model.js'
import { type CosineTrainingOptions, cosineTraining } from './cosine-training.js'
import { type Forecaster, intervalsOf } from './forecast.js'
import { checkSeries, forecasting } from './forecasting.js'

/** Options of `trainSeries`. */
export interface TrainSeriesOptions extends CosineTrainingOptions {
  /** Whether the loss of the validation part is measured after each epoch, which changes nothing. Default true. */
  validate?: boolean
}

/** A training of series by AdamW, whose rate rises over a twentieth of the steps and then falls to 0 along a cosine. */
export function seriesTraining(model: SeriesModel, data: SeriesData, options: TrainSeriesOptions = {}) {
  const where = 'trainSeries'
  checkSeries(where, model, data)
  const { validate = true, ...rest } = options
  checkArgument(where, 'validate', validate, typeof validate === 'boolean', 'true or false')
  const heldOut = validate && data.origins('validation').length > 0 ? data : undefined
  return cosineTraining(where, forecasting, model, data, heldOut, rest)
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

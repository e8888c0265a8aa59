import { checkArgument } from '../core/check.js'
import { DataError } from '../core/errors.js'
import { type SeriesBatch, SeriesData } from '../data/series/series-data.js'
import { SeriesModel } from '../nn/series-model.js'
import { noGrad } from '../tensor/autograd.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Objective } from './objective.js'

/** The type of `forecasting`. The held-out data are the validation part of the same series. */
export type Forecasting = Objective<SeriesModel, SeriesBatch, SeriesData, SeriesData, never>

/** Windows that are evaluated side by side. */
export const SIDE_BY_SIDE = 256

/** @throws OptionError unless these are a model of series, and series */
export function checkSeries(where: string, model: SeriesModel, data: SeriesData): void {
  checkArgument(where, 'model', model, model instanceof SeriesModel, 'a SeriesModel')
  checkArgument(where, 'data', data, data instanceof SeriesData, 'a SeriesData, as loadSeries makes it')
}

/** Predicts the horizon after each window of series; the loss is the mean absolute error of the scaled targets. */
export const forecasting: Forecasting = {
  check(where, model, data, validation) {
    checkSeries(where, model, data)
    if (validation && validation.corpus.origins('validation').length === 0) {
      throw new DataError(
        `${where}: the validation part is shorter than the horizon of ${data.spec.horizon}, expected a longer one`,
        ['validation', 'horizon'],
      )
    }
  },

  loss(model, batch) {
    return { loss: lossOf(model, batch), items: batch.y.size }
  },

  async validate(model, heldOut, _data, signal) {
    const origins = heldOut.origins('validation')
    let sum = 0
    for (let from = 0; from < origins.length; from += SIDE_BY_SIDE) {
      signal?.throwIfAborted()
      const rows = origins.slice(from, from + SIDE_BY_SIDE)
      const loss = model.inEval(() => noGrad(() => lossOf(model, heldOut.batch(rows))))
      sum += (await loss.item()) * rows.length
    }
    return sum / origins.length
  },
}

function lossOf(model: SeriesModel, { x, positions, y }: SeriesBatch): Tensor {
  const { device } = model.linear.weight
  return predicted(model, { x, positions }).sub(y.to(device)).abs().mean()
}

/** The scaled forecast of a batch on the model's device. */
export function predicted(model: SeriesModel, { x, positions }: Pick<SeriesBatch, 'x' | 'positions'>): Tensor {
  const { device } = model.linear.weight
  return model.forward(
    x.to(device),
    positions.map((numbers) => numbers.to(device)),
  )
}

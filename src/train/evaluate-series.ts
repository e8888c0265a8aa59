import { checkWhole, checkWord } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { seriesBaselines } from '../data/series/baselines.js'
import { checkLevel, widthOf } from '../data/series/intervals.js'
import { type ForecastErrors, forecastErrors, maseScale } from '../data/series/metrics.js'
import type { Origin, SeriesData, SeriesPart } from '../data/series/series-data.js'
import { checkForecaster, type Forecaster, forecastFrom } from './forecast.js'

/** How well a model forecasts, beside simple methods on the same values. */
export interface SeriesEvaluation {
  part: SeriesPart
  /** How many forecasts were made, and how many values in each. */
  origins: number
  steps: number
  targets: {
    target: string
    /** Values that the file does not have: they were interpolated, so that no forecast is measured by them. */
    interpolated: number
    /** The share of the true values in the intervals; undefined without intervals. */
    coverage: number | undefined
    /** The model and the baselines, by name. */
    errors: Record<string, ForecastErrors>
  }[]
}

/** Options of an evaluation. */
export interface EvaluateSeriesOptions {
  /** The part that is forecast. Default: test if it was held out, otherwise validation. */
  part?: SeriesPart
  /** Values in each forecast. Default: the horizon. */
  steps?: number
  /** Values between two origins. Default: `steps`, so that each value is forecast once. */
  stride?: number
  /** What the intervals are to cover. Default 0.9. */
  level?: number
  signal?: AbortSignal
}

/**
 * Forecasts a part from rolling origins: at each, the model and the baselines know all values before it.
 * @throws DataError for a part that is shorter than `steps`, or none of whose values is in the file
 */
export async function evaluateSeries(
  forecaster: Forecaster,
  data: SeriesData,
  options: EvaluateSeriesOptions = {},
): Promise<SeriesEvaluation> {
  const where = 'evaluateSeries'
  checkForecaster(where, forecaster, data)
  const { model, intervals } = forecaster
  checkOptions(where, options, { part: 'any', steps: 'any', stride: 'any', level: 'any', signal: 'signal' })
  const { part = data.spec.test > 0 ? 'test' : 'validation', steps = data.spec.horizon, stride = steps } = options
  const { level = 0.9, signal } = options
  checkWord(where, 'part', part, ['train', 'validation', 'test'])
  checkWhole(where, 'steps', steps)
  checkWhole(where, 'stride', stride)
  checkLevel(where, level)
  const { targets, season } = data.spec
  if (part !== 'train' && data.spec[part] === 0) {
    throw new DataError(
      `${data.table.name}: no ${part} part is held out, expected one of some length, or another part`,
      [part],
    )
  }
  const origins = data.origins(part, stride, steps)
  if (origins.length === 0) {
    throw new DataError(
      `${data.table.name}: the ${part} part is shorter than the ${steps} values of a forecast, expected a longer part or fewer steps`,
      ['steps', part],
    )
  }
  const made = await forecastFrom(model, data, origins, steps, signal)
  // A call takes no more arguments than there may be origins.
  const fewest = origins.reduce((least, { at }) => Math.min(least, at), Infinity)
  const values = (column: number, { series }: Origin) => data.table.series[series].columns[column]
  return {
    ...{ part, origins: origins.length, steps },
    targets: targets.map((target, column) => {
      const isKnown = origins.flatMap(({ series, at }) => {
        const filled = data.table.series[series].filled[column]
        return Array.from({ length: steps }, (_, step) => !filled.has(at + step))
      })
      const count = isKnown.filter(Boolean).length
      if (count === 0) {
        throw new DataError(
          `${data.table.name}: no value of ${target} in the ${part} part is known, all were interpolated, expected at least one; evaluate another part`,
          ['part'],
        )
      }
      const known = (parts: readonly ArrayLike<number>[]) =>
        parts.flatMap((part) => Array.from(part)).filter((_, i) => isKnown[i])
      const truths = known(origins.map((origin) => values(column, origin).subarray(origin.at, origin.at + steps)))
      const scales = data.table.series.map(({ columns }, i) =>
        maseScale(columns[column].subarray(0, data.parts[i].validation), season),
      )
      const scaleOfEach = known(origins.map(({ series }) => new Float64Array(steps).fill(scales[series])))
      const errors = (forecasts: readonly ArrayLike<number>[]) => forecastErrors(truths, known(forecasts), scaleOfEach)
      const [own, widths] = [0, 1].map(() => origins.map(() => new Float64Array(steps)))
      for (const [i, { series }] of origins.entries()) {
        const { mean, deviation } = data.scalesOf(series)[column]
        for (let step = 0; step < steps; step++) {
          own[i][step] = made[i][step * targets.length + column] * deviation + mean
          widths[i][step] = (widthOf(intervals, step, column, level) ?? Number.NaN) * deviation
        }
      }
      const [forecasts, reach] = [known(own), known(widths)]
      const inside = truths.filter((truth, i) => Math.abs(truth - forecasts[i]) <= reach[i]).length
      const baselines = Object.entries(seriesBaselines(season, fewest)).map(([name, baseline]) => {
        signal?.throwIfAborted()
        const made = origins.map((origin) => baseline(values(column, origin).subarray(0, origin.at), steps))
        return [name, errors(made)] as const
      })
      return {
        target,
        interpolated: isKnown.length - count,
        coverage: reach.some(Number.isNaN) ? undefined : inside / count,
        errors: { 'the model': errors(own), ...Object.fromEntries(baselines) },
      }
    }),
  }
}

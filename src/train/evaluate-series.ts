import { checkWhole, checkWord } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { seriesBaselines } from '../data/series/baselines.js'
import { checkLevel, widthOf } from '../data/series/intervals.js'
import { type ForecastErrors, forecastErrors, maseScale } from '../data/series/metrics.js'
import type { Origin, SeriesData, SeriesPart } from '../data/series/series-data.js'
import { checkLike, type Forecaster, forecastFrom } from './forecast.js'

/** How well a model forecasts, beside simple methods on the same values. */
export interface SeriesEvaluation {
  part: SeriesPart
  /** How many forecasts were made, and how many values in each. */
  origins: number
  steps: number
  targets: {
    target: string
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
 * @throws DataError for a part that is shorter than `steps`
 */
export async function evaluateSeries(
  { model, spec, intervals }: Forecaster,
  data: SeriesData,
  options: EvaluateSeriesOptions = {},
): Promise<SeriesEvaluation> {
  const where = 'evaluateSeries'
  checkOptions(where, options, { part: 'any', steps: 'any', stride: 'any', level: 'any', signal: 'signal' })
  const { part = data.spec.test > 0 ? 'test' : 'validation', steps = data.spec.horizon, stride = steps } = options
  const { level = 0.9, signal } = options
  checkWord(where, 'part', part, ['train', 'validation', 'test'])
  checkWhole(where, 'steps', steps)
  checkWhole(where, 'stride', stride)
  checkLevel(where, level)
  checkLike(where, data, spec)
  const { targets, season } = data.spec
  const origins = data.origins(part, stride, steps)
  if (origins.length === 0) {
    throw new DataError(
      `${data.table.name}: the ${part} part is shorter than the ${steps} values of a forecast, expected a longer part or fewer steps`,
      ['steps', part],
    )
  }
  const made = await forecastFrom(model, data, origins, steps, signal)
  // A call takes no more arguments than there may be origins.
  const known = origins.reduce((least, { at }) => Math.min(least, at), Infinity)
  const values = (column: number, { series }: Origin) => data.table.series[series].columns[column]
  return {
    ...{ part, origins: origins.length, steps },
    targets: targets.map((target, column) => {
      const truths = origins.map((origin) => values(column, origin).subarray(origin.at, origin.at + steps))
      const scales = data.table.series.map(({ columns }, i) =>
        maseScale(columns[column].subarray(0, data.parts[i].validation), season),
      )
      const scaleOfEach = origins.flatMap(({ series }) => new Array<number>(steps).fill(scales[series]))
      const errors = (forecasts: readonly ArrayLike<number>[]) =>
        forecastErrors(
          truths.flatMap((part) => [...part]),
          forecasts.flatMap((part) => Array.from(part)),
          scaleOfEach,
        )
      let [inside, measured] = [0, 0]
      const own = origins.map((origin, i) => {
        const { mean, deviation } = data.scalesOf(origin.series)[column]
        return Float64Array.from({ length: steps }, (_, step) => {
          const forecast = made[i][step * targets.length + column] * deviation + mean
          const width = widthOf(intervals, step, column, level)
          if (width !== undefined) {
            measured++
            if (Math.abs(truths[i][step] - forecast) <= width * deviation) inside++
          }
          return forecast
        })
      })
      const baselines = Object.entries(seriesBaselines(season, known)).map(([name, baseline]) => {
        signal?.throwIfAborted()
        const made = origins.map((origin) => baseline(values(column, origin).subarray(0, origin.at), steps))
        return [name, errors(made)] as const
      })
      return {
        target,
        coverage: measured === origins.length * steps ? inside / measured : undefined,
        errors: { 'the model': errors(own), ...Object.fromEntries(baselines) },
      }
    }),
  }
}

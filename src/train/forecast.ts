import { checkArgument, checkWhole } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { Turns } from '../core/turn.js'
import { checkLevel, conformalWidths, type Intervals, widthOf } from '../data/series/intervals.js'
import type { Origin, SeriesData, SeriesSpec } from '../data/series/series-data.js'
import type { TrainingRecord } from '../formats/model-config.js'
import type { SeriesModel } from '../nn/series-model.js'
import { noGrad } from '../tensor/autograd.js'
import { checkSeries, predicted, SIDE_BY_SIDE } from './forecasting.js'

/** A model that was trained on series, with all that a forecast needs besides the values. */
export interface Forecaster {
  model: SeriesModel
  spec: SeriesSpec
  /** Absent if nothing was held out. */
  intervals?: Intervals
  /** How it was trained, for people to read; absent unless a run trained it. */
  training?: TrainingRecord
}

/** The forecast of one value. */
export interface ForecastValue {
  /** The name of the series; '' if there is only one. */
  series: string
  target: string
  /** How many steps after the last known value, from 1. */
  step: number
  /** Milliseconds since 1970; undefined for series without dates. */
  time: number | undefined
  /** That time as the file writes times. */
  date: string | undefined
  forecast: number
  /** The interval; undefined if the held-out part was too short for this step and level. */
  low: number | undefined
  high: number | undefined
}

/** Options of a forecast. */
export interface ForecastOptions {
  /** How many values, up to 10,000. Default: the model's horizon. */
  steps?: number
  /** The share of the true values that the intervals are to cover. Default 0.9. */
  level?: number
  signal?: AbortSignal
}

/** Far beyond what any model says something about; more would take hours. */
const LONGEST = 10_000

/**
 * Forecasts the values after the end of each series. Beyond the model's horizon it reads its own forecasts, and other
 * columns as their mean.
 * @throws DataError for a series that is shorter than the window, or that was not read as the model expects; OptionError for
 *   an argument of another kind, or an option out of range
 */
export async function forecast(
  forecaster: Forecaster,
  data: SeriesData,
  options: ForecastOptions = {},
): Promise<ForecastValue[]> {
  const where = 'forecast'
  checkForecaster(where, forecaster, data)
  const { model, intervals } = forecaster
  checkOptions(where, options, { steps: 'any', level: 'any', signal: 'signal' })
  const { steps = data.spec.horizon, level = 0.9, signal } = options
  checkWhole(where, 'steps', steps, 1, LONGEST)
  checkLevel(where, level)
  const { targets } = data.spec
  const origins = data.ends(where)
  const made = await forecastFrom(model, data, origins, steps, signal)
  return origins.flatMap(({ series, at }, i) =>
    targets.flatMap((target, column) =>
      Array.from({ length: steps }, (_, step): ForecastValue => {
        const { mean, deviation } = data.scalesOf(series)[column]
        const forecast = made[i][step * targets.length + column] * deviation + mean
        const width = widthOf(intervals, step, column, level)
        const [time, date] = [data.timeOf(series, at + step), data.timeTextOf(series, at + step)]
        const [low, high] = width === undefined ? [] : [forecast - width * deviation, forecast + width * deviation]
        return { series: data.table.series[series].name, target, step: step + 1, time, date, forecast, low, high }
      }),
    ),
  )
}

/** @throws OptionError unless these are a forecaster and series; DataError for series that were read in another way than its own */
export function checkForecaster(where: string, forecaster: Forecaster, data: SeriesData): void {
  const { model, spec: trained } = Object(forecaster) as Forecaster
  const fits = model !== undefined && Array.isArray(Object(trained).targets)
  checkArgument(where, 'forecaster', forecaster, fits, 'a Forecaster, as trainSeries and loadForecaster make it')
  checkSeries(where, model, data)
  const { spec, table } = data
  const names = ['targets', 'columns', 'window', 'horizon', 'calendar', 'clock', 'step'] as const
  const other = names.find((name) => JSON.stringify(spec[name]) !== JSON.stringify(trained[name]))
  if (other === undefined) return
  const [came, expected] = [spec, trained].map(({ [other]: value }) => JSON.stringify(value ?? 'none'))
  throw new DataError(
    `${where}: ${table.name}: ${other} is ${came}, expected the model's, ${expected}; read the series with loadSeriesFor or readSeriesFor`,
  )
}

/**
 * Scaled forecasts from many origins.
 * @returns for each origin, `steps` × targets numbers
 */
export async function forecastFrom(
  model: SeriesModel,
  data: SeriesData,
  origins: readonly Origin[],
  steps: number,
  signal?: AbortSignal,
): Promise<Float64Array[]> {
  const all: Float64Array[] = []
  for (let first = 0; first < origins.length; first += SIDE_BY_SIDE) {
    all.push(...(await sideBySide(model, data, origins.slice(first, first + SIDE_BY_SIDE), steps, signal)))
  }
  return all
}

async function sideBySide(
  model: SeriesModel,
  data: SeriesData,
  rows: readonly Origin[],
  steps: number,
  signal: AbortSignal | undefined,
): Promise<Float64Array[]> {
  const { horizon } = data.spec
  const targets = data.spec.targets.length
  const turns = new Turns()
  const made = rows.map(() => new Float64Array(Math.ceil(steps / horizon) * horizon * targets))
  for (let done = 0; done < steps; done += horizon) {
    // On the CPU nothing else waits for the event loop, which hears of the signal.
    await turns.take()
    signal?.throwIfAborted()
    const moved = rows.map(({ series, at }) => ({ series, at: at + done }))
    const read = (row: number, column: number, at: number) => {
      const begin = rows[row].at
      if (at < begin) return data.value(rows[row], column, at)
      return column < targets ? made[row][(at - begin) * targets + column] : 0
    }
    const y = await model.inEval(() => noGrad(() => predicted(model, data.batch(moved, read)))).values()
    for (const [row, numbers] of made.entries()) {
      for (let i = 0; i < horizon * targets; i++) {
        const [step, target] = [Math.floor(i / targets), i % targets]
        numbers[done * targets + i] = y[(step * rows.length + row) * targets + target]
      }
    }
  }
  return made.map((numbers) => numbers.subarray(0, steps * targets))
}

/** Steps beyond the horizon for which intervals are made, if the held-out part is long enough. */
const MOST_STEPS = 60

/**
 * Intervals from the residuals of the validation part: of forecasts from each of its steps, where the file has the true value.
 * @returns undefined if the validation part is empty
 */
export async function intervalsOf(
  model: SeriesModel,
  data: SeriesData,
  signal?: AbortSignal,
): Promise<Intervals | undefined> {
  const { targets, horizon } = data.spec
  const origins = data.origins('validation', 1, 1)
  if (origins.length === 0) return undefined
  const longest = Math.max(...data.parts.map(({ validation, test }) => test - validation))
  const steps = Math.min(Math.max(horizon, MOST_STEPS), longest)
  const made = await forecastFrom(model, data, origins, steps, signal)
  const widths = Array.from({ length: steps }, (_, step) =>
    targets.map((_, target) => {
      const found: number[] = []
      for (const [i, origin] of origins.entries()) {
        const at = origin.at + step
        const { filled } = data.table.series[origin.series]
        if (at >= data.parts[origin.series].test || filled[target].has(at)) continue
        found.push(Math.abs(made[i][step * targets.length + target] - data.value(origin, target, at)))
      }
      return conformalWidths(found)
    }),
  )
  return { widths }
}

// Reads tables of numbers, and forecasts them with the models of kept runs.
import {
  evaluateSeries,
  type Forecaster,
  type ForecastValue,
  forecast,
  forecastCsv,
  intervalsOf,
  OpfsStore,
  readSeriesFor,
  runForecaster,
  type SeriesData,
  seriesColumns,
  textOf,
  type UnrolledError,
  zipForecaster,
} from 'unrolled/browser'
import { isOpened, keepTable, tableOf } from '../kept'
import { kinds } from '../setup'
import type {
  Answers,
  Forecasted,
  FromSeries,
  Kind,
  Point,
  Questions,
  SeriesResult,
  Table,
  ToSeries,
  Truth,
} from './messages'
import { setupOf } from './setup'

/** Most forecasts of the held-out part that are shown, most values of a series, and most series. */
const [MOST_EARLIER, MOST_VALUES, MOST_SERIES] = [24, 400, 50]

interface Opened {
  forecaster: Forecaster
  data: SeriesData
}

/** The model of the run that was opened, with its series. */
let opened: Opened | undefined

/** Tells how much of a table is read. */
type Progress = (share: number) => void

const answers: { [K in Kind]: (question: Questions[K], progress: Progress) => Promise<Answers[K]> } = {
  table: ({ file }, progress) => read(file, file.name, progress),
  async kept({ run }, progress) {
    const { model, spec, training } = await runForecaster(new OpfsStore(run))
    const { window, horizon, calendar, validation, test } = spec
    const { kind, hiddenSize, numLayers } = model.rnn
    const reading = { ...spec.read, window, horizon, calendar, validation, test }
    // One that was opened need not tell how it was trained.
    const cell = kinds.cell.find((name) => kind.startsWith(name))!
    const setup = setupOf(reading, { ...training, cell, hiddenSize, numLayers })
    const table = await tableOf(run)
    return { ...(await read(table, table.name || String(training?.text), progress)), setup }
  },
  async open({ run }) {
    opened = await open(run)
    return resultOf(opened)
  },
  forecast: ({ steps }) => forecasted(opened!, steps),
  zip: async ({ run }) => zipOf((await open(run)).forecaster),
  async give({ run, file }) {
    const { spec } = await runForecaster(new OpfsStore(run))
    const data = await readSeriesFor(spec, await textOf(file), file.name)
    data.ends('forecast')
    await keepTable(run, file)
  },
}

const tell = (message: FromSeries) => postMessage(message)

addEventListener('message', async ({ data: { kind, id, question } }: MessageEvent<ToSeries>) => {
  try {
    const answer = await answers[kind](question as never, (share) => tell({ id, share }))
    tell({ id, answer })
  } catch (error) {
    const { name, message, code, facts } = error as UnrolledError
    tell({ id, error: { name, message, code, facts } })
  }
})

/** A table whose bytes are read once: its file may change, or go. */
async function read(from: Blob, name: string, progress: Progress): Promise<Table> {
  const file = new File([await from.arrayBuffer()], name)
  return { file, columns: await seriesColumns(await textOf(file), name, progress) }
}

/** A run with its best model, or the last one of a training that was stopped before anything was held against it. */
async function open(run: string): Promise<Opened> {
  const forecaster = await runForecaster(new OpfsStore(run))
  const table = await tableOf(run)
  const name = table.name || String(forecaster.training?.text)
  const data = await readSeriesFor(forecaster.spec, await textOf(table), name)
  // A training that has not ended has none yet. Of one that was opened, any part of the table may have been trained on.
  if (!(await isOpened(run))) forecaster.intervals ??= await intervalsOf(forecaster.model, data)
  return { forecaster, data }
}

const zipOf = (forecaster: Forecaster): Promise<Uint8Array> => zipForecaster(forecaster, forecaster.training)

async function resultOf({ forecaster, data }: Opened): Promise<SeriesResult> {
  const part = data.origins('test').length > 0 ? 'test' : 'validation'
  const { horizon, window, step } = data.spec
  // A model that was opened may be given a table that is shorter than its own.
  const held = Math.min(...data.table.series.map(({ length }, i) => length - Math.max(data.parts[i][part], window)))
  const count = Math.min(Math.floor(held / horizon), MOST_EARLIER)
  const earlier: Point[] = []
  for (let back = count * horizon; back > 0; back -= horizon) {
    const known = data.withoutLast(back)
    earlier.push(...pointsOf(known, await forecast(forecaster, known, { steps: horizon })))
  }
  const evaluation = data.hasTruth(part) ? await evaluateSeries(forecaster, data, { part }) : undefined
  const truths = truthsOf(data, Math.min(MOST_VALUES, count * horizon + window))
  const after = await forecasted({ forecaster, data }, horizon)
  const zip = await zipOf(forecaster)
  return { truths, earlier, part, dated: step !== undefined, evaluation, forecast: after, zip }
}

async function forecasted({ forecaster, data }: Opened, steps: number): Promise<Forecasted> {
  const values = await forecast(forecaster, data, { steps })
  return { points: pointsOf(data, values), csv: await forecastCsv(data.spec, values, data.table.delimiter) }
}

/** The forecasts of series that end where `known` does. */
function pointsOf(known: SeriesData, values: readonly ForecastValue[]): Point[] {
  const places = new Map(known.table.series.slice(0, MOST_SERIES).map(({ name, length }, at) => [name, { at, length }]))
  return values.flatMap(({ series, target, step, forecast, low, high }) => {
    const place = places.get(series)
    if (!place) return []
    const { at, length } = place
    return [{ series, target, x: known.clockOf(at, length + step - 1) ?? length + step, forecast, low, high }]
  })
}

/** The last `count` values of each target; rows without dates have numbers from 1 on. */
function truthsOf(data: SeriesData, count: number): Truth[] {
  return data.table.series.slice(0, MOST_SERIES).flatMap(({ name, length, columns }, at) =>
    data.spec.targets.map((target, column) => {
      const first = Math.max(length - count, 0)
      const x = Array.from({ length: length - first }, (_, i) => data.clockOf(at, first + i) ?? first + i + 1)
      return { series: name, target, x, y: Array.from(columns[column].subarray(first)) }
    }),
  )
}

// Trains on a table of numbers, and forecasts it.
import {
  decodeForecaster,
  evaluateSeries,
  type Forecaster,
  type ForecastValue,
  forecast,
  forecastCsv,
  kernels,
  MemoryStore,
  type SeriesData,
  type SeriesFiles,
  type SeriesRun,
  seriesSource,
  startSeriesRun,
  type TrainEvent,
  zipForecaster,
} from 'unrolled'
import type { FromSeries, Point, SeriesResult, ToSeries, Truth } from './messages'
import type { SeriesSetup } from './setup'

/** Milliseconds between two messages with events. */
const EVERY = 50

/** Most forecasts of the held-out part that are shown, most values of a series, and most series. */
const [MOST_EARLIER, MOST_VALUES, MOST_SERIES] = [24, 400, 50]

const tell = (message: FromSeries) => postMessage(message)
const abort = new AbortController()
let paused = false
let wake = () => {}
let trained: { forecaster: Forecaster; data: SeriesData } | undefined

addEventListener('message', ({ data }: MessageEvent<ToSeries>) => {
  if (data.type === 'begin') void told(() => begin(data.name, data.text, data.setup))
  else if (data.type === 'forecast') void told(() => tellForecast(data.steps))
  else if (data.type === 'stop') abort.abort()
  else paused = data.paused
  wake()
})

async function told(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string }
    tell({ type: 'failed', error: { name, message, code } })
  }
}

async function begin(name: string, text: string, setup: SeriesSetup): Promise<void> {
  const { target, features, dateColumn, seriesColumn, gaps, calendar, window, horizon, validation, test } = setup
  const read = { target, features, dateColumn, seriesColumn, gaps, calendar, window, horizon, validation, test }
  const { cell, hiddenSize, numLayers, epochs, lr, batchSize, seed } = setup
  const options = { cell, hiddenSize, numLayers, epochs, lr, batchSize, seed, checkpointMinutes: Infinity }
  const store = new MemoryStore(name)
  const run = await startSeriesRun(store, seriesSource(text, name, read), options, { signal: abort.signal })
  const { data } = run
  const { name: kernelName, threads } = kernels()
  const perEpoch = data.mostBatches * data.batchItems
  const sizes = { values: perEpoch, steps: data.mostBatches * epochs, dated: data.spec.step !== undefined }
  tell({ type: 'ready', facts: { kernels: kernelName, threads, ...sizes } })
  await sendEvents(run)
  // The best model, or the last of a training that was stopped before anything was held against it.
  const forecaster = await decodeForecaster(Object.fromEntries(store.files) as SeriesFiles, name)
  trained = { forecaster, data }
  tell({ type: 'result', result: await resultOf(forecaster, data) })
  await tellForecast(horizon ?? 1)
}

async function sendEvents(run: SeriesRun): Promise<void> {
  let [events, sent] = [[] as TrainEvent[], -Infinity]
  for await (const event of run.events()) {
    if (event.type === 'step' || event.type === 'epoch' || event.type === 'validation') events.push(event)
    if (performance.now() - sent >= EVERY) {
      tell({ type: 'events', events })
      events = []
      sent = performance.now()
    }
    while (paused && !abort.signal.aborted) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  tell({ type: 'events', events })
}

async function resultOf(forecaster: Forecaster, data: SeriesData): Promise<SeriesResult> {
  const part = data.origins('test').length > 0 ? 'test' : 'validation'
  const { horizon, window } = data.spec
  const held = Math.min(...data.table.series.map(({ length }, i) => length - data.parts[i][part]))
  const count = Math.min(Math.floor(held / horizon), MOST_EARLIER)
  const earlier: Point[] = []
  for (let back = count * horizon; back > 0; back -= horizon) {
    const known = data.withoutLast(back)
    earlier.push(...pointsOf(known, await forecast(forecaster, known, { steps: horizon })))
  }
  const evaluation = data.origins(part).length > 0 ? await evaluateSeries(forecaster, data, { part }) : undefined
  const truths = truthsOf(data, Math.min(MOST_VALUES, count * horizon + window))
  return { truths, earlier, part, evaluation, zip: await zipForecaster(forecaster, forecaster.training) }
}

async function tellForecast(steps: number): Promise<void> {
  const { forecaster, data } = trained!
  const values = await forecast(forecaster, data, { steps })
  const csv = await forecastCsv(data.spec, values)
  tell({ type: 'forecast', forecast: { points: pointsOf(data, values), csv } })
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

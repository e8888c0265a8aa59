import type { SeriesEvaluation, SeriesPart, TrainEvent } from 'unrolled/browser'
import type { SeriesSetup } from './setup'

/** What the page tells the worker that trains on series. */
export type ToSeries =
  | { type: 'begin'; name: string; text: string; setup: SeriesSetup }
  | { type: 'pause'; paused: boolean }
  | { type: 'stop' }
  | { type: 'forecast'; steps: number }

/** What is known before the first step. */
export interface SeriesFacts {
  kernels: string
  threads: number
  /** Values that are predicted in an epoch, one for each window, step of the horizon, and target. */
  values: number
  steps: number
  /** Whether the x axis is of dates. */
  dated: boolean
}

/** A forecast value with its place on the x axis: a time in milliseconds, or the number of a row. */
export interface Point {
  series: string
  target: string
  x: number
  forecast: number
  low: number | undefined
  high: number | undefined
}

/** The last known values of a series. */
export interface Truth {
  series: string
  target: string
  x: number[]
  y: number[]
}

/** A forecast of what comes after the end of the file. */
export interface Forecasted {
  points: Point[]
  csv: string
}

/** What a training has led to. */
export interface SeriesResult {
  truths: Truth[]
  /** The held-out part, as it would have been forecast at the time. */
  earlier: Point[]
  part: SeriesPart
  /** Absent if nothing was held out that is as long as a forecast. */
  evaluation?: SeriesEvaluation
  /** The model's folder. */
  zip: Uint8Array
}

/** An error of the library on its way to the page. */
export interface SeriesFailure {
  name: string
  message: string
  code?: string
}

/** What the worker tells the page. */
export type FromSeries =
  | { type: 'ready'; facts: SeriesFacts }
  | { type: 'events'; events: TrainEvent[] }
  | { type: 'result'; result: SeriesResult }
  | { type: 'forecast'; forecast: Forecasted }
  | { type: 'failed'; error: SeriesFailure }

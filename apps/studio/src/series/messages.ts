import type { SeriesColumn, SeriesEvaluation, SeriesPart, UnrolledError } from 'unrolled/browser'
import type { SeriesSetup } from './setup'

// The messages between the page and the worker that reads tables and forecasts them.

/** What the worker is asked for. */
export interface Questions {
  /** A table from a file of the user's. */
  table: { file: File }
  /** The table of a kept run. */
  kept: { run: string }
  /** What the model of a kept run forecasts; questions for further values follow. */
  open: { run: string }
  /** So many values after the end of the table. */
  forecast: { steps: number }
  /** The model of a kept run as a zip of its folder. */
  zip: { run: string }
  /** Whether a model that was opened can forecast a table, which is kept with it then. */
  give: { run: string; file: File }
}

export type Kind = keyof Questions

export interface Answers {
  table: Table
  kept: Table & { setup: SeriesSetup }
  open: SeriesResult
  forecast: Forecasted
  zip: Uint8Array
  give: undefined
}

/** What the page tells the worker. */
export type ToSeries = { [K in Kind]: { kind: K; id: number; question: Questions[K] } }[Kind]

/** What the worker tells the page: how far it is, and in the end an answer or an error of the library. */
export type FromSeries =
  | { id: number; share: number }
  | { id: number; answer: Answers[Kind] }
  | { id: number; error: Pick<UnrolledError, 'name' | 'message' | 'code' | 'facts'> }

/** A table as it was read, which does not change with its file. */
export interface Table {
  file: File
  columns: readonly SeriesColumn[]
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
  /** Whether the x axis is of dates. */
  dated: boolean
  /** Absent if nothing was held out that is as long as a forecast. */
  evaluation?: SeriesEvaluation
  forecast: Forecasted
  /** The model's folder. */
  zip: Uint8Array
}

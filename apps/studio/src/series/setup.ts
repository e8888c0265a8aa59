import type { CalendarName, LoadSeriesOptions, RunOptions, SeriesColumn } from 'unrolled/browser'

type Read = 'dateColumn' | 'seriesColumn' | 'gaps' | 'window' | 'horizon' | 'validation' | 'test'
type Trained = 'cell' | 'hiddenSize' | 'numLayers' | 'epochs' | 'lr' | 'batchSize' | 'seed'

/** What of a table is forecast, from what, and by which model. */
export interface SeriesSetup extends Pick<LoadSeriesOptions, Read>, Pick<RunOptions, Trained> {
  target: readonly string[]
  features: readonly string[]
  /** Absent: what suits the dates. */
  calendar?: readonly CalendarName[]
}

/** The numbers of a setup, in the order of the form. What is held out is a number of values, or below 1 a share. */
export const ranges = {
  window: { least: 1, most: 10_000, whole: true },
  horizon: { least: 1, most: 1000, whole: true },
  validation: { least: 0, most: 1_000_000, whole: false },
  test: { least: 0, most: 1_000_000, whole: false },
  hiddenSize: { least: 1, most: 2048, whole: true },
  numLayers: { least: 1, most: 8, whole: true },
  epochs: { least: 1, most: 10_000, whole: true },
  lr: { least: 1e-6, most: 1, whole: false },
  batchSize: { least: 1, most: 4096, whole: true },
  seed: { least: 0, most: 2 ** 31 - 1, whole: true },
} as const

export type NumberName = keyof typeof ranges

/** The first column of numbers, four weeks of days to see, one to predict, and a tenth to measure the forecast on. */
export const setupFor = (columns: readonly SeriesColumn[]): SeriesSetup => ({
  target: [columns.find(({ kind }) => kind === 'number')!.name],
  features: [],
  gaps: 'refuse',
  ...{ window: 28, horizon: 7, validation: 0.1, test: 0.1 },
  ...{ cell: 'gru', hiddenSize: 32, numLayers: 1, epochs: 10, lr: 0.01, batchSize: 32, seed: 0 },
})

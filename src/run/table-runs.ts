import type { KnownLabels, LoadedLabels } from '../data/labels/labelled-texts.js'
import { type ReadLabelsOptions, readLabels, readLabelsFor } from '../data/labels/read-labels.js'
import { type LoadSeriesOptions, readSeries, readSeriesFor } from '../data/series/load-series.js'
import type { SeriesData } from '../data/series/series-data.js'
import type { LabelModel } from '../nn/label-model.js'
import type { SeriesModel } from '../nn/series-model.js'
import { checkpointKind, type trainedOn } from './checkpoint.js'
import { labelKind } from './label-kind.js'
import type { RunOptions } from './run-options.js'
import { type KnownSeries, seriesKind } from './series-kind.js'
import { CHECKPOINT, type RunStore } from './store.js'
import type { TableSource } from './table-kind.js'
import { resumeTableRun, startTableRun, type TableRun, type TableSetup } from './table-run.js'

/** A table, or a function that reads it until the signal aborts. */
export type TableText = string | ((signal?: AbortSignal) => Promise<string>)

const textOf = async (text: TableText, signal: AbortSignal | undefined): Promise<string> =>
  typeof text === 'string' ? text : text(signal)

/**
 * CSV as the series of a run.
 * @param text the table, or a function that reads it until its signal aborts
 * @param options how the series are read; a run that begins with a saved model, or is resumed, takes from that what is left out
 * @param place the name by which the table is found again
 */
export const seriesSource = (
  text: TableText,
  name: string,
  options: Partial<Omit<LoadSeriesOptions, 'batchSize' | 'generator'>> = {},
  place = name,
): TableSource<SeriesData, KnownSeries> => ({
  ...{ name, place },
  read: async (how, signal) =>
    readSeries(await textOf(text, signal), name, { ...options, ...how } as LoadSeriesOptions),
  async readFor({ spec }, how, signal) {
    const { validation, test, gaps } = options
    return readSeriesFor(spec, await textOf(text, signal), name, { validation, test, gaps, ...how })
  },
})

/** CSV as the labelled texts of a run. The parameters are those of `seriesSource`. */
export const labelSource = (
  text: TableText,
  name: string,
  options: Partial<Omit<ReadLabelsOptions, 'batchSize' | 'generator'>> = {},
  place = name,
): TableSource<LoadedLabels, KnownLabels> => ({
  ...{ name, place },
  read: async (how, signal) =>
    readLabels(await textOf(text, signal), name, { ...options, ...how } as ReadLabelsOptions),
  async readFor(known, how, signal) {
    const { textColumn, labelColumn, validation, test } = options
    return readLabelsFor(known, await textOf(text, signal), name, { textColumn, labelColumn, validation, test, ...how })
  },
})

/** A training on series of numbers that is kept in a store. */
export type SeriesRun = TableRun<SeriesModel, SeriesData>

/** A training on labelled texts that is kept in a store. */
export type LabelRun = TableRun<LabelModel, LoadedLabels>

/**
 * Prepares a new run that trains a model on series of numbers. With `setup.model`, such as `loadForecaster` gives it, it begins
 * with a saved one, whose columns, windows and scales it keeps.
 * @throws OptionError for options that contradict each other or that such a run does not have; DataError for a table that
 *   cannot be read, or a store that holds something else, such as an unfinished run
 */
export const startSeriesRun = (
  store: RunStore,
  source: TableSource<SeriesData, KnownSeries>,
  given: Partial<RunOptions> = {},
  setup: TableSetup<SeriesModel, KnownSeries> = {},
): Promise<SeriesRun> => startTableRun(seriesKind, store, source, given, setup)

/**
 * Resumes a run on series that was stopped, from its last checkpoint.
 * @param source the run's table, or a function that is given its recorded name
 * @param given the options that change: the number of epochs, the learning rate, …
 * @throws OptionError for an option that cannot change when a run is resumed; DataError if there is no run, or the table is
 *   a different one; FormatError for a damaged checkpoint
 */
export const resumeSeriesRun = (
  store: RunStore,
  source: TableSource<SeriesData, KnownSeries> | ((place: string) => TableSource<SeriesData, KnownSeries>),
  given: Partial<RunOptions> = {},
  setup: Omit<TableSetup<SeriesModel, KnownSeries>, 'model'> = {},
): Promise<SeriesRun> => resumeTableRun(seriesKind, store, source, given, setup)

/** Prepares a new run that trains a SequenceClassifier on labelled texts, as `startSeriesRun` does on series. */
export const startLabelRun = (
  store: RunStore,
  source: TableSource<LoadedLabels, KnownLabels>,
  given: Partial<RunOptions> = {},
  setup: TableSetup<LabelModel, KnownLabels> = {},
): Promise<LabelRun> => startTableRun(labelKind, store, source, given, setup)

/** Resumes a run on labelled texts that was stopped, as `resumeSeriesRun` does one on series. */
export const resumeLabelRun = (
  store: RunStore,
  source: TableSource<LoadedLabels, KnownLabels> | ((place: string) => TableSource<LoadedLabels, KnownLabels>),
  given: Partial<RunOptions> = {},
  setup: Omit<TableSetup<LabelModel, KnownLabels>, 'model'> = {},
): Promise<LabelRun> => resumeTableRun(labelKind, store, source, given, setup)

/** What the last run in a store was trained on; undefined if there is none. @throws FormatError for a damaged checkpoint */
export async function runKindIn(store: RunStore): Promise<keyof typeof trainedOn | undefined> {
  return store.read(CHECKPOINT, (file) => checkpointKind(file, `${store.name}/${CHECKPOINT}`))
}

import { type LoadSeriesOptions, readSeries, readSeriesFor } from '../data/series/load-series.js'
import type { SeriesData } from '../data/series/series-data.js'
import { seriesSource } from '../run/table-runs.js'
import type { Forecaster } from '../train/forecast.js'
import { type ReadingOptions, tableName, tablePlace, tableText } from './table-text.js'

/**
 * Loads series of numbers from a CSV file: a header, then a row for each time, in order.
 * @param file a path, or `-` for standard input
 * @throws DataError for a file that cannot be read or holds no such series; OptionError for an option out of range
 */
export async function loadSeries(
  file: string,
  options: LoadSeriesOptions,
  reading: ReadingOptions = {},
): Promise<SeriesData> {
  return readSeries(await tableText('loadSeries', file, reading), tableName(file), options)
}

/**
 * Loads series for a saved model: with its columns, scales and windows.
 * @param held how much of each series is held out, instead of what was in the training
 */
export async function loadSeriesFor(
  { spec }: Pick<Forecaster, 'spec'>,
  file: string,
  held: Parameters<typeof readSeriesFor>[3] = {},
  reading: ReadingOptions = {},
): Promise<SeriesData> {
  return readSeriesFor(spec, await tableText('loadSeriesFor', file, reading), tableName(file), held)
}

/** A CSV file as the series of a run. The options are those of `seriesSource`. */
export const seriesFile = (file: string, options: Parameters<typeof seriesSource>[2] = {}) =>
  seriesSource((signal) => tableText('seriesFile', file, { signal }), tableName(file), options, tablePlace(file))

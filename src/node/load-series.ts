import { readFile } from 'node:fs/promises'
import { DataError } from '../core/errors.js'
import { type LoadSeriesOptions, readSeries, readSeriesFor } from '../data/series/load-series.js'
import type { SeriesData } from '../data/series/series-data.js'
import type { Forecaster } from '../train/forecast.js'
import { checkPath } from './path-argument.js'

/**
 * Loads series of numbers from a CSV file: a header, then a row for each time, in order.
 * @throws DataError for a file that cannot be read or holds no such series; OptionError for an option out of range
 */
export async function loadSeries(file: string, options: LoadSeriesOptions): Promise<SeriesData> {
  return readSeries(await textOf('loadSeries', file), file, options)
}

/**
 * Loads series for a saved model: with its columns, scales and windows.
 * @param held how much of each series is held out, instead of what was in the training
 */
export async function loadSeriesFor(
  { spec }: Pick<Forecaster, 'spec'>,
  file: string,
  held: Parameters<typeof readSeriesFor>[3] = {},
): Promise<SeriesData> {
  return readSeriesFor(spec, await textOf('loadSeriesFor', file), file, held)
}

/** The text of a UTF-8 file. @throws DataError */
async function textOf(where: string, file: string): Promise<string> {
  checkPath(where, 'the file', file)
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    const reason = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' }[error.code ?? ''] ?? error.message
    throw new DataError(`${file}: ${reason}, expected a CSV file`)
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new DataError(`${file}: the file is not UTF-8, expected CSV in that encoding`)
  }
}

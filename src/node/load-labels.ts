import type { KnownLabels, LoadedLabels } from '../data/labels/labelled-texts.js'
import { type ReadLabelsOptions, readLabels, readLabelsFor } from '../data/labels/read-labels.js'
import { isFilled, parseTable, type Table } from '../data/series/table.js'
import { labelSource } from '../run/table-runs.js'
import { type ReadingOptions, tableName, tablePlace, tableText } from './table-text.js'

/**
 * Loads labelled texts from a CSV file with a header, as `readLabels` reads them.
 * @param file a path, or `-` for standard input
 */
export async function loadLabels(
  file: string,
  options: ReadLabelsOptions,
  reading: ReadingOptions = {},
): Promise<LoadedLabels> {
  return readLabels(await tableText('loadLabels', file, reading), tableName(file), options)
}

/** Loads labelled texts for a saved model, as `readLabelsFor` reads them. */
export async function loadLabelsFor(
  known: KnownLabels,
  file: string,
  options: Parameters<typeof readLabelsFor>[3] = {},
  reading: ReadingOptions = {},
): Promise<LoadedLabels> {
  return readLabelsFor(known, await tableText('loadLabelsFor', file, reading), tableName(file), options)
}

/** Loads the rows of a CSV file with a header that say anything. @param file a path, or `-` for standard input */
export async function loadTable(file: string, reading: ReadingOptions = {}): Promise<Table> {
  const table = await parseTable(await tableText('loadTable', file, reading), tableName(file))
  return { ...table, rows: table.rows.filter(isFilled) }
}

/** A CSV file as the labelled texts of a run. The options are those of `labelSource`. */
export const labelFile = (file: string, options: Parameters<typeof labelSource>[2] = {}) =>
  labelSource((signal) => tableText('labelFile', file, { signal }), tableName(file), options, tablePlace(file))

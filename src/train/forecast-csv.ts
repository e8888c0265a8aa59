import { csvText } from '../data/csv-text.js'
import type { SeriesSpec } from '../data/series/series-data.js'
import type { Delimiter } from '../data/series/table.js'
import type { ForecastValue } from './forecast.js'

/** Values of a forecast, with the true ones where they are known. */
export type ForecastRow = ForecastValue & { truth?: number | undefined }

/**
 * A forecast as CSV: a header, then a row for each value, with its date and the name of its series if the file had them, and
 * with the truth if any of it is known.
 * @param delimiter separates the cells, such as that of the file that was read, `data.table.delimiter`
 */
export function forecastCsv(
  { step, read, targets, scales }: SeriesSpec,
  rows: readonly ForecastRow[],
  delimiter?: Delimiter,
): Promise<string> {
  // Nine digits of what changes: values far from zero, such as the count of a meter, have others before them.
  const number = (value: number | undefined, { series, target }: ForecastRow): string => {
    if (value === undefined) return ''
    const { deviation } = scales[series][targets.indexOf(target)]
    const before = Math.max(0, Math.floor(Math.log10(Math.abs(value) / deviation)))
    return String(Number(value.toPrecision(Math.min(9 + before, 17))))
  }
  const columns: [string, (row: ForecastRow) => string][] = [
    ['target', ({ target }) => target],
    ['step', ({ step }) => String(step)],
    ['forecast', (row) => number(row.forecast, row)],
    ['low', (row) => number(row.low, row)],
    ['high', (row) => number(row.high, row)],
  ]
  if (read.seriesColumn !== undefined) columns.unshift([read.seriesColumn, ({ series }) => series])
  if (step) columns.unshift([read.dateColumn ?? 'date', ({ date }) => date!])
  if (rows.some(({ truth }) => truth !== undefined)) columns.push(['truth', ({ truth }) => String(truth ?? '')])
  return csvText([columns.map(([name]) => name), ...rows.map((row) => columns.map(([, of]) => of(row)))], delimiter)
}

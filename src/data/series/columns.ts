import { dateColumnIn } from './read-series.js'
import { hasComma, missing, parseTable } from './table.js'

/** A column of a CSV file, and what it seems to hold. Only a column of dates may have no name. */
export interface SeriesColumn {
  name: string
  /**
   * `date` for the column that `readSeries` takes the dates from, `number` if at least half of the known cells are numbers,
   * `comma` if they are with their decimal commas or separators of thousands, which `readSeries` refuses.
   */
  kind: 'date' | 'number' | 'comma' | 'text'
}

/**
 * The columns of a CSV file, to choose the options of `readSeries` by. Most of a column decides, so that `readSeries` can say
 * where a column of numbers has a text.
 * @param name the name of the file, for messages
 * @param onProgress is called with the share of the text that is parsed
 * @throws DataError for a text that is not CSV with a header and rows
 */
export async function seriesColumns(
  text: string,
  name: string,
  onProgress?: (share: number) => void,
): Promise<SeriesColumn[]> {
  const table = await parseTable(text, name, onProgress)
  const { columns, rows } = table
  const dates = dateColumnIn(table)
  const kindOf = (at: number): SeriesColumn['kind'] => {
    if (at === dates) return 'date'
    const known = rows.map(({ cells }) => cells[at]).filter((cell) => !missing.has(cell.toLowerCase()))
    const numbers = known.filter((cell) => Number.isFinite(Number(cell))).length
    const isMost = (count: number) => count > 0 && 2 * count >= known.length
    return isMost(numbers) ? 'number' : isMost(numbers + known.filter(hasComma).length) ? 'comma' : 'text'
  }
  return columns.flatMap((name, at) => (name === '' && at !== dates ? [] : [{ name, kind: kindOf(at) }]))
}

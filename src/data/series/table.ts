import { checkString } from '../../core/check.js'
import { DataError } from '../../core/errors.js'

/** What separates the cells of CSV. */
export type Delimiter = ',' | ';' | '\t'

const delimiters: readonly Delimiter[] = [',', ';', '\t']

/** A table as text: what a CSV file holds. */
export interface Table {
  /** The name of the file, for messages. */
  name: string
  /** Their names; '' for a column without one, such as that of the row numbers that pandas writes. */
  columns: readonly string[]
  rows: readonly TableRow[]
  /** What separates the cells in the file. */
  delimiter: Delimiter
}

/** A row of a table. */
export interface TableRow {
  /** The row's number in the file, counted from 1 with the header, as spreadsheets count. */
  number: number
  /** As many as there are columns, without the spaces around them. */
  cells: readonly string[]
}

/** Rows that are parsed between two reports of the progress. */
const PACE = 10_000

/**
 * Parses CSV: a header, then one row a line, separated by commas, semicolons or tabs.
 * @param name the name of the file, for messages
 * @param onProgress is called with the share of the text that is parsed
 * @throws DataError for a file without rows, a header with a repeated name, or a row of another length
 */
export async function parseTable(
  text: string,
  name: string,
  onProgress: (share: number) => void = () => {},
): Promise<Table> {
  checkString('parseTable', 'the text', text)
  const { default: csv } = await import('papaparse')
  // The line that tells Excel the separator is no row: Excel does not show it.
  const [start, said] = /^\ufeff?(?:sep=([,;\t])\r?\n)?/i.exec(text)!
  const plain = text.slice(start.length)
  const delimiter = (said as Delimiter | undefined) ?? delimiterOf(plain)
  const rows: TableRow[] = []
  let [number, end] = [0, 0]
  // Papa Parse's own chunks tear a quotation mark from the end of its line.
  csv.parse<string[]>(plain, {
    delimiter,
    step({ data, errors, meta }) {
      number++
      const quotes = errors.find(({ type }) => type === 'Quotes')
      if (quotes) throw wrongQuotes(name, number, quotes.code)
      const cells = data.map((cell) => cell.trim())
      // A line of nothing is no row, but a cell of two quotation marks is one: a value that is missing.
      const isBlank = cells.length === 1 && cells[0] === '' && !plain.slice(end, meta.cursor).includes('"')
      if (!isBlank) rows.push({ number, cells })
      end = meta.cursor
      if (number % PACE === 0) onProgress(meta.cursor / plain.length)
    },
  })
  const [header, ...rest] = withoutPadding(rows)
  const empty = (what: string) => new DataError(`${name}: the file ${what}`, [], 'empty-table')
  if (!header) throw empty('is empty, expected a header with the names of columns, and rows')
  checkHeader(name, header.cells)
  if (rest.length === 0) throw empty('has a header and no rows, expected rows below it')
  for (const { number, cells } of rest) {
    if (cells.length === header.cells.length) continue
    throw new DataError(
      `${name}: row ${number} has ${cells.length} cells, expected ${header.cells.length}, as many as the header; a cell with a comma needs quotation marks`,
      [],
      'row-length',
      { row: number, cells: cells.length, columns: header.cells.length },
    )
  }
  return { name, columns: header.cells, rows: rest, delimiter }
}

/** Rows without the empty ones that spreadsheets write above and below a table. */
function withoutPadding(rows: readonly TableRow[]): TableRow[] {
  const first = rows.findIndex(isFilled)
  const width = rows[first]?.cells.length
  return rows
    .slice(Math.max(first, 0), rows.findLastIndex(isFilled) + 1)
    .filter((row) => isFilled(row) || row.cells.length === width)
}

/** Whether a row says anything; the empty cell of a single column says that its value is missing. */
export const isFilled = ({ cells }: TableRow): boolean => cells.length === 1 || cells.some((cell) => cell !== '')

function wrongQuotes(name: string, row: number, code: string): DataError {
  const problem =
    code === 'InvalidQuotes'
      ? 'there is text after a closed quotation mark, expected the end of the cell; double quotation marks within a cell'
      : 'a quotation mark is not closed, expected CSV'
  return new DataError(`${name}: row ${row}: ${problem}`, [], 'bad-quotes', { row })
}

/** The delimiter that the first line with any text has most often. */
function delimiterOf(text: string): Delimiter {
  const [header = ''] = /^.*\S.*$/m.exec(text) ?? []
  const count = (delimiter: string) => header.split(delimiter).length
  return delimiters.reduce((best, one) => (count(one) > count(best) ? one : best))
}

function checkHeader(name: string, columns: readonly string[]): void {
  const twice = columns.find((column, i) => column !== '' && columns.indexOf(column) !== i)
  if (twice !== undefined) {
    const problem = `${name}: two columns are named ${twice}, expected each name once`
    throw new DataError(problem, [], 'column-twice', { column: twice })
  }
  if (columns.every((column) => Number.isFinite(Number(column)))) {
    throw new DataError(
      `${name}: the first row holds only numbers (${columns[0]}, …), expected a header with the names of the columns`,
      [],
      'no-header',
    )
  }
}

/** The place of a column. @param option the option that names it @throws DataError if there is none of this name */
export function columnOf({ name, columns }: Table, column: string, option: string): number {
  const at = columns.indexOf(column)
  if (at >= 0 && column !== '') return at
  const shown = columns.filter(Boolean).slice(0, 20).map(inList).join(', ')
  throw new DataError(`${name}: there is no column ${inList(column)} for ${option}, expected one of ${shown}`, [option])
}

/** The name of a column in a list, in quotes if it would look like several. */
const inList = (name: string): string => (name.includes(',') ? JSON.stringify(name) : name)

/** Words for a value that is not known. */
export const missing: ReadonlySet<string> = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '?', '-'])

/**
 * The number in a cell; NaN if the value is missing.
 * @throws DataError for a text, or for an infinite number
 */
export function numberIn({ name, columns }: Table, { number, cells }: TableRow, column: number): number {
  const text = cells[column]
  if (missing.has(text.toLowerCase())) return Number.NaN
  const value = /^[+-]?0[xob]/i.test(text) ? Number.NaN : Number(text)
  const place = `${name}: row ${number}, column ${columns[column]}`
  const facts = { row: number, column: columns[column], cell: text }
  if (Number.isFinite(value)) return value
  if (/^[+-]?inf/i.test(text) || !Number.isNaN(value)) {
    throw new DataError(
      `${place} is ${text}, expected a finite number, or an empty cell for a missing value`,
      [],
      'not-number',
      facts,
    )
  }
  const comma = hasComma(text)
  const advice = comma
    ? '; write decimals with a point, and thousands without separators'
    : /^\D{0,3}\d[\d.,\s]*\D{0,3}$/.test(text)
      ? '; write the number alone, without a currency, a unit or separators'
      : ''
  const code = comma ? 'number-with-comma' : 'not-number'
  throw new DataError(`${place} is ${JSON.stringify(text)}, expected a number${advice}`, [], code, facts)
}

export const hasComma = (text: string): boolean => /^[+-]?[\d.]*\d,[\d.,]*\d$/.test(text)

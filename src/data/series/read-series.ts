import { checkWord } from '../../core/check.js'
import { DataError } from '../../core/errors.js'
import { columnOf, type Delimiter, isFilled, numberIn, type Table, type TableRow } from './table.js'
import {
  checkRising,
  formatTime,
  offsetOf,
  parseTime,
  stepOf,
  stepsBetween,
  type TimeStep,
  timeAfter,
} from './times.js'

/** Which columns of a table are read, and how. */
export interface ReadSeriesOptions {
  /** The column, or columns, to predict. */
  target: string | readonly string[]
  /** Other columns that the model sees in its window. Default: none. */
  features?: readonly string[]
  /**
   * The column of ISO dates. Default: the first named date, time, timestamp, datetime or ds, or one named day, month, data, dia,
   * mês, fecha or datum, or one without a name, that begins with a date; without one, rows follow one another.
   */
  dateColumn?: string
  /** The column that says which series a row belongs to. Default: all rows are one series. */
  seriesColumn?: string
  /** What is done about missing times and values: `refuse` them, or `interpolate` them on a straight line. Default refuse. */
  gaps?: 'refuse' | 'interpolate'
}

/** One series: a value of each column at each step. */
export interface NumberSeries {
  /** What `seriesColumn` holds; '' if there is only one series. */
  name: string
  /** The time of the first value, in milliseconds since 1970. */
  start: number | undefined
  /** The last time as the file writes it, for `formatTime`; undefined without dates. */
  lastTime?: string | undefined
  /** Milliseconds by which the clocks of the file are ahead of UTC, at each step; undefined if none is. */
  offsets?: Float64Array | undefined
  length: number
  /** The columns, in the order of the table's `columns`. */
  columns: readonly Float64Array[]
  /** For each column, the steps whose values are not in the file, but interpolated. */
  filled: readonly ReadonlySet<number>[]
}

/** All series of a file. They have the same columns and the same step. */
export interface SeriesTable {
  /** The name of the file, for messages. */
  name: string
  targets: readonly string[]
  /** The targets, and after them the features that are not targets. */
  columns: readonly string[]
  step: TimeStep | undefined
  /** What separates the cells in the file. */
  delimiter: Delimiter
  /** The options with which it was read. */
  read: ReadSeriesOptions
  series: readonly NumberSeries[]
}

const dateNames = ['date', 'time', 'timestamp', 'datetime', 'ds']
/**
 * Names that mean something else, too, or nothing: such a column holds the dates only if it begins with one, be it in another
 * notation, which is refused: without its dates, the file would be read as another one, and nobody told.
 */
const perhapsDateNames = ['', 'data', 'data_hora', 'dia', 'mês', 'mes', 'fecha', 'datum', 'day', 'month']

/** The column with the dates if none is named, or −1. */
export function dateColumnIn({ columns, rows }: Table): number {
  const names = columns.map((name) => name.toLowerCase())
  const found = names.findIndex((name) => dateNames.includes(name))
  if (found >= 0) return found
  const begins = ({ cells }: TableRow, at: number) =>
    (parseTime(cells[at]) !== undefined && /\D/.test(cells[at])) || foreignDate.test(cells[at])
  return names.findIndex((name, at) => perhapsDateNames.includes(name) && begins(rows[0], at))
}

/** Such as 31/05/2024, 5/31/24 or 31.05.2024. */
const foreignDate = /^\d{1,4}([./-])\d{1,2}\1\d{1,4}\b/

/**
 * Reads series from a table.
 * @throws DataError for a column that is not there, a cell that is not a number, dates that are out of order, come twice or
 *   are not on a regular grid, and for gaps unless they are to be filled
 */
export function seriesOf(table: Table, options: ReadSeriesOptions): SeriesTable {
  const { target, features = [], dateColumn, seriesColumn, gaps = 'refuse' } = options
  checkWord('loadSeries', 'gaps', gaps, ['refuse', 'interpolate'])
  const targets = typeof target === 'string' ? [target] : [...target]
  const twice = targets.find((name, i) => targets.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new DataError(`${table.name}: target names ${twice} twice, expected each column once`, ['target'])
  }
  if (targets.length === 0) throw new DataError(`${table.name}: target names no column, expected one`, ['target'])
  for (const name of targets) columnOf(table, name, 'target')
  for (const name of features) columnOf(table, name, 'features')
  const both = features.find((name) => targets.includes(name))
  if (both !== undefined) {
    throw new DataError(
      `${table.name}: ${both} is a target and among the features, expected other columns there: the model sees each target in its window anyway; leave it out`,
      ['features'],
    )
  }
  const columns = [...targets, ...new Set(features)]
  const found = dateColumnIn(table)
  const dates = dateColumn === undefined ? (found < 0 ? undefined : found) : columnOf(table, dateColumn, 'dateColumn')
  const groups = new Map<string, TableRow[]>()
  const by = seriesColumn === undefined ? undefined : columnOf(table, seriesColumn, 'seriesColumn')
  // Where dates say which times there are, an empty row is none; elsewhere its values are missing.
  for (const row of dates === undefined ? table.rows : table.rows.filter(isFilled)) {
    const name = by === undefined ? '' : row.cells[by]
    const rows = groups.get(name)
    if (rows) rows.push(row)
    else groups.set(name, [row])
  }
  const timed = [...groups].map(([name, rows]) => ({
    name,
    rows,
    dates: dates === undefined ? undefined : { column: dates, times: timesIn(table, rows, dates) },
  }))
  const longest = timed.reduce((a, b) => (b.rows.length > a.rows.length ? b : a))
  if (longest.rows.length < 2) {
    const problem = `${table.name}: the longest series has 1 row, expected 2 or more`
    throw new DataError(problem, [], 'short-series', { values: 1, needed: 2 })
  }
  const step = longest.dates && stepOf(longest.dates.times)
  return {
    name: table.name,
    targets,
    columns,
    step,
    delimiter: table.delimiter,
    read: { ...{ target: targets, features: [...features], dateColumn, seriesColumn, gaps } },
    series: timed.map(({ name, rows, dates }) => {
      const places = dates && step ? onGrid(table, rows, dates, step, gaps) : rows.map((_, i) => i)
      const length = places[places.length - 1] + 1
      const read = columns.map((column) => {
        const at = table.columns.indexOf(column)
        const all = new Float64Array(length).fill(Number.NaN)
        rows.forEach((row, i) => {
          all[places[i]] = numberIn(table, row, at)
        })
        const holes = [...all.keys()].filter((i) => Number.isNaN(all[i]))
        const row = rows[places.indexOf(holes[0])]
        if (holes.length > 0 && gaps === 'refuse') {
          throw new DataError(
            `${table.name}: row ${row?.number}, column ${column}: the value is missing, expected a number; fill it, or use gaps interpolate`,
            ['gaps'],
            'gap',
            { column, ...(row && { row: row.number }) },
          )
        }
        const values = holes.length === 0 ? all : interpolated(all, table.name, column)
        return { values, holes: new Set(holes) }
      })
      const lastTime = dates && rows.at(-1)!.cells[dates.column]
      const offsets =
        dates &&
        offsetsAt(
          rows.map(({ cells }) => offsetOf(cells[dates.column])),
          places,
        )
      const [all, filled] = [read.map(({ values }) => values), read.map(({ holes }) => holes)]
      return { name, start: dates?.times[0], lastTime, offsets, length, columns: all, filled }
    }),
  }
}

/** The offset at each step, which at one between two rows is that of the row before. */
function offsetsAt(offsets: readonly number[], places: readonly number[]): Float64Array | undefined {
  if (offsets.every((offset) => offset === 0)) return undefined
  const all = new Float64Array(places.at(-1)! + 1)
  for (const [i, offset] of offsets.entries()) all.fill(offset, places[i])
  return all
}

function timesIn(table: Table, rows: readonly TableRow[], column: number): number[] {
  const place = (i: number) => `${table.name}: row ${rows[i].number}`
  const times = rows.map(({ cells }, i) => {
    const time = parseTime(cells[column])
    if (time !== undefined) return time
    throw new DataError(
      `${place(i)}, column ${table.columns[column]} is ${JSON.stringify(cells[column])}, expected a date such as 2024-05-31, or a time such as 2024-05-31T13:00`,
      [],
      'not-time',
      { row: rows[i].number, column: table.columns[column], cell: cells[column] },
    )
  })
  checkRising(times, (i) => ({ text: rows[i].cells[column], row: rows[i].number }), table.name)
  return times
}

/** Values for each row of a series whose gaps are filled: a year mistyped would make any number of them. */
const MOST_FILLED = 10

/** The place of each row on the regular grid of times. */
function onGrid(
  table: Table,
  rows: readonly TableRow[],
  { column, times }: { column: number; times: readonly number[] },
  step: TimeStep,
  gaps: string,
): number[] {
  let place = 0
  return times.map((time, i) => {
    if (i === 0) return 0
    const steps = stepsBetween(times[i - 1], time, step)
    const [before, here] = [i - 1, i].map((row) => rows[row].cells[column])
    const at = `${table.name}: row ${rows[i].number}: ${here}`
    const facts = { row: rows[i].number, cell: here, before }
    if (!Number.isInteger(steps)) {
      const daily = 'milliseconds' in step && step.milliseconds % 86_400_000 === 0
      const whole =
        daily && here.includes(':') ? '; write the dates of whole days without a time, such as 2024-04-01' : ''
      throw new DataError(
        `${at} follows ${before}, expected ${formatTime(timeAfter(times[i - 1], step, 1), step, before)}, one step as between the other rows${whole}`,
        [],
        'time-grid',
        facts,
      )
    }
    if (steps > 1 && gaps === 'refuse') {
      const hour = 'milliseconds' in step && step.milliseconds < 86_400_000 && steps * step.milliseconds <= 7_200_000
      const clock = hour
        ? '; if clocks were put forward there, write times with an offset, such as 2024-03-31T03:00+02:00'
        : ''
      throw new DataError(
        `${at} follows ${before}: ${steps === 2 ? '1 time is' : `${steps - 1} times are`} missing between them, expected none; fill the gap, or use gaps interpolate${clock}`,
        ['gaps'],
        'gap',
        facts,
      )
    }
    if (place + steps > MOST_FILLED * rows.length) {
      throw new DataError(
        `${at} follows ${before}: ${steps - 1} times are missing between them, but there are ${rows.length} rows, expected at least one for every ${MOST_FILLED} values; correct the time, or leave out what lies so far apart`,
        [],
        'gap',
      )
    }
    place += steps
    return place
  })
}

/** Fills missing values on a straight line between their neighbours, and at the ends with the nearest one. */
function interpolated(values: Float64Array, table: string, column: string): Float64Array {
  const known = [...values.keys()].filter((i) => !Number.isNaN(values[i]))
  if (known.length === 0) {
    const problem = `${table}: column ${column}: all values are missing, expected numbers`
    throw new DataError(problem, [], 'no-values', { column })
  }
  let next = 0
  return values.map((value, i) => {
    while (next < known.length && known[next] < i) next++
    if (!Number.isNaN(value)) return value
    const [a, b] = [known[next - 1] ?? known[next], known[next] ?? known[next - 1]]
    return a === b ? values[a] : values[a] + ((values[b] - values[a]) * (i - a)) / (b - a)
  })
}

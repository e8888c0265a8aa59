import fc from 'fast-check'
import { at, type Given } from './random-options.js'

// CSV files of series: most of them sound, and some with faults.

const DAY = 86_400_000

/** The time of a row, by the step of the series. */
const clocks: Record<string, (row: number) => string> = {
  days: (row) => new Date(Date.UTC(2024, 0, 1) + row * DAY).toISOString().slice(0, 10),
  hours: (row) => new Date(Date.UTC(2024, 0, 1) + row * 3_600_000).toISOString().slice(0, 16),
  weeks: (row) => new Date(Date.UTC(2024, 0, 1) + 7 * row * DAY).toISOString().slice(0, 10),
  months: (row) => new Date(Date.UTC(2001, row, 1)).toISOString().slice(0, 7),
  ends: (row) => new Date(Date.UTC(2001, row + 1, 0)).toISOString().slice(0, 10),
  years: (row) => String(1900 + row),
}

/** The values of the column to predict. */
const shapes: Record<string, (row: number) => number> = {
  week: (row) => 10 + 3 * (row % 7) + (row % 5) / 10,
  slope: (row) => row,
  constant: () => 5,
  late: (row) => (row < 40 ? 0 : row),
  zeros: (row) => (row % 9 === 0 ? 1 : 0),
  negative: (row) => -1000 - (row % 3),
  tiny: (row) => 1e-300 * (row % 7),
  huge: (row) => 1e140 * ((row % 7) - 3),
  'far from zero': (row) => 1e15 + (row % 4),
  jump: (row) => (row % 50 === 49 ? 1e9 : row % 3),
}

/** What a fault puts in place of a cell. */
const cells = [
  ...[
    '',
    'NA',
    'nan',
    '-',
    'inf',
    '-Infinity',
    '1e999',
    '1e300',
    '-1e155',
    'warm',
    '1,5',
    '0x10',
    '"',
    '"a, b"',
    '1_000',
    '١',
    '\0',
  ],
  ...[
    '2024-02-30',
    '2024-01-05T25:00',
    '01/05/2024',
    '2024',
    '0000-01-01',
    '9999-12-31',
    '99999-01-01',
    '-1',
    '1e-320',
  ],
]

type Fault = (rows: string[][], place: number) => string[][]
const row = (rows: string[][], place: number) => 1 + (place % Math.max(rows.length - 1, 1))
const faults: Fault[] = [
  ...cells.map(
    (cell): Fault =>
      (rows, place) =>
        rows.map((one, i) =>
          i === row(rows, place) ? one.map((old, j) => (j === place % one.length ? cell : old)) : one,
        ),
  ),
  // A row is missing, comes twice, stands in the wrong place, is too short, or too long.
  (rows, place) => rows.filter((_, i) => i !== row(rows, place)),
  (rows, place) => rows.flatMap((one, i) => (i === row(rows, place) ? [one, one] : [one])),
  (rows, place) => [
    ...rows.filter((_, i) => i !== row(rows, place)),
    ...rows.slice(row(rows, place), row(rows, place) + 1),
  ],
  (rows, place) => rows.map((one, i) => (i === row(rows, place) ? one.slice(1) : one)),
  (rows, place) => rows.map((one, i) => (i === row(rows, place) ? [...one, '7'] : one)),
  // The header is missing, has a name twice or none, or stands alone.
  (rows) => rows.slice(1),
  ([header, ...rows]) => [header?.map(() => 'y') ?? [], ...rows],
  ([header, ...rows]) => [header?.map((_, i) => (i === 0 ? '' : 'y')) ?? [], ...rows],
  (rows) => rows.slice(0, 1),
  (rows) => rows.slice(0, 2),
  () => [],
]

/** A file of series and its name. */
export const drawnSeries: fc.Arbitrary<Given> = fc
  .record({
    clock: fc.oneof({ weight: 3, arbitrary: fc.constant('days') }, fc.constantFrom(...Object.keys(clocks))),
    shape: fc.oneof({ weight: 5, arbitrary: fc.constant('week') }, fc.constantFrom(...Object.keys(shapes))),
    length: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 30, max: 70 }) }, fc.integer({ min: 1, max: 30 })),
    shops: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.constantFrom(2, 3)),
    named: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
    delimiter: fc.oneof({ weight: 6, arbitrary: fc.constant(',') }, fc.constantFrom(';', '\t', '|')),
    end: fc.oneof({ weight: 6, arbitrary: fc.constant('\n') }, fc.constantFrom('\r\n', '\n\n', '\r')),
    mark: fc.oneof({ weight: 9, arbitrary: fc.constant('') }, fc.constant('\ufeff')),
    faulty: fc.oneof(
      { weight: 5, arbitrary: fc.constant<[number, number][]>([]) },
      fc.array(fc.tuple(fc.nat(1000), fc.nat(faults.length - 1)), { minLength: 1, maxLength: 3 }),
    ),
  })
  .map(({ clock, shape, length, shops, named, delimiter, end, mark, faulty }) => {
    const names = Array.from({ length: shops }, (_, i) => 'abc'[i])
    const body = Array.from({ length }, (_, i) =>
      names.map((shop) => [clocks[clock](i), shop, String(shapes[shape](i)), String((i * i) % 11)]),
    )
    const sound = [[named ? 'date' : 'when', 'shop', 'y', 'wind'], ...body.flat()]
    // Without several series, no column says which one a row belongs to.
    const kept = shops > 1 ? sound : sound.map(([when, , ...values]) => [when, ...values])
    const rows = faulty.reduce((rows, [place, fault]) => faults[fault](rows, place), kept)
    return {
      words: [at('drawn.csv')],
      files: { 'drawn.csv': mark + rows.map((cells) => cells.join(delimiter)).join(end) },
    }
  })

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DataError, OptionError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import {
  drift,
  exponentialSmoothing,
  fitSmoothing,
  movingAverage,
  naive,
  seasonalNaive,
  seriesBaselines,
} from './baselines.js'
import { seriesColumns } from './columns.js'
import { conformalWidth, conformalWidths } from './intervals.js'
import { type LoadSeriesOptions, readSeries, readSeriesFor } from './load-series.js'
import { forecastErrors, maseScale } from './metrics.js'
import type { SeriesData } from './series-data.js'
import { parseTable } from './table.js'
import { formatTime, parseTime, stepOf, stepText, timeAfter, usualSeason } from './times.js'

const days = (count: number, from = Date.UTC(2024, 0, 1), step = 86_400_000) =>
  Array.from({ length: count }, (_, i) => new Date(from + i * step).toISOString().slice(0, step < 86_400_000 ? 16 : 10))

/** A CSV file with one value a day. */
const daily = (count: number, value = (i: number): string | number => i % 7) =>
  ['date,y', ...days(count).map((day, i) => `${day},${value(i)}`)].join('\n')

test('the columns of a file are told by most of what they hold', async () => {
  const rows = ['x,1,,NA', '2024-01-02,2,7,b', '2024-01-03,oops,,c', '2024-01-04,4,,']
  expect(await seriesColumns(`Date;a;b;c\n${rows.join('\n').replaceAll(',', ';')}\n`, 'x.csv')).toEqual([
    { name: 'Date', kind: 'date' },
    { name: 'a', kind: 'number' },
    { name: 'b', kind: 'number' },
    { name: 'c', kind: 'text' },
  ])
  const commas = 'date;a;b;c\n2024-01-01;20,0;1.234,5;x\n2024-01-02;21;1,234.5;0,5\n2024-01-03;20,5;7,5;y\n'
  expect((await seriesColumns(commas, 'x.csv')).map(({ kind }) => kind)).toEqual(['date', 'comma', 'comma', 'text'])
  await expect(seriesColumns('a,b\n', 'x.csv')).rejects.toThrow('x.csv: the file has a header and no rows')
})

const small = { target: 'y', window: 5, horizon: 2 }

describe('bad input is refused in one sentence that says where and what to do', () => {
  const hours = days(30, Date.UTC(2024, 2, 30, 12), 3_600_000)
  const cases: [what: string, csv: string, options: Partial<LoadSeriesOptions>, message: RegExp][] = [
    ['an empty file', '', {}, /^x.csv: the file is empty, expected a header/],
    ['a header alone', 'date,y\n', {}, /^x.csv: the file has a header and no rows/],
    ['no header', '1,2\n3,4\n', {}, /the first row holds only numbers \(1, …\), expected a header/],
    ['one name twice', 'y,y\n1,2\n', {}, /two columns are named y/],
    [
      'a column that is not there',
      daily(40),
      { target: 'z' },
      /there is no column z for target, expected one of date, y/,
    ],
    ['a feature that is not there', daily(40), { features: ['wind'] }, /no column wind for features, expected one of/],
    ['a date column that is not there', daily(40), { dateColumn: 'day' }, /no column day for dateColumn, expected/],
    ['text', daily(40, (i) => (i === 3 ? 'warm' : i)), {}, /^x.csv: row 5, column y is "warm", expected a number$/],
    [
      'a decimal comma',
      'date;y\n2024-01-01;1,5\n2024-01-02;2\n',
      {},
      /is "1,5", expected a number; write decimals with a point/,
    ],
    [
      'thousands',
      'date;y\n2024-01-01;1,000\n2024-01-02;2\n',
      {},
      /is "1,000", expected a number; write decimals with a point, and thousands without separators$/,
    ],
    ...['$1,070.15', 'R$ 12', '12 %', '1 070'].map((cell): [string, string, object, RegExp] => [
      `a number with more in its cell, ${cell}`,
      `date;y\n2024-01-01;${cell}\n2024-01-02;2\n`,
      {},
      /, expected a number; write the number alone, without a currency, a unit or separators$/,
    ]),
    ...['date', 'data', 'Dia', 'fecha', ''].map((name): [string, string, object, RegExp] => [
      `dates in another notation in a column named ${JSON.stringify(name)}`,
      `${name},y\n31/01/2024,1\n01/02/2024,2\n02/02/2024,3\n`,
      {},
      /row 2, column .* is "31\/01\/2024", expected a date such as 2024-05-31/,
    ]),
    ['a target twice', daily(40), { target: ['y', 'y'] }, /target names y twice, expected each column once/],
    [
      'a calendar that is always the same',
      daily(40),
      { calendar: ['weekday', 'hour'] },
      /hour is the same for all rows, expected what changes in steps of 1 day; leave hour out/,
    ],
    [
      'values that differ by less than their type holds',
      daily(40, (i) => `1000000000000000.00${i % 3}`),
      {},
      /column y is always 1000000000000000 to the 16 digits that numbers have/,
    ],
    [
      'values close together',
      daily(40, (i) => i * 1e-200),
      {},
      /column y has values so close together .* multiply them/,
    ],
    [
      'text after a quotation mark',
      'date,y\n"say" bad now,1\n',
      {},
      /row 2: there is text after a closed quotation mark, expected the end of the cell/,
    ],
    ['infinity', daily(40, (i) => (i === 3 ? 'inf' : i)), {}, /row 5, column y is inf, expected a finite number/],
    ['an overflow', daily(40, (i) => (i === 3 ? '1e999' : i)), {}, /is 1e999, expected a finite number/],
    [
      'a missing value',
      daily(40, (i) => (i === 3 ? '' : i)),
      {},
      /row 5, column y: the value is missing, .* use gaps interpolate/,
    ],
    [
      'a missing day',
      daily(40).replace(/2024-01-05.*\n/, ''),
      {},
      /row 6: 2024-01-06 follows 2024-01-04: 1 time is missing/,
    ],
    [
      'dates out of order',
      daily(40).replace('2024-01-05', '2023-12-01'),
      {},
      /row 6: 2023-12-01 comes after 2024-01-04, expected rows in the order of time/,
    ],
    ['a date twice', daily(40).replace('2024-01-05', '2024-01-04'), {}, /2024-01-04 comes twice, .* seriesColumn/],
    [
      'a date that does not exist',
      daily(40).replace('2024-01-05', '2024-02-30'),
      {},
      /column date is "2024-02-30", expected a date/,
    ],
    [
      'an American date',
      daily(40).replace('2024-01-05', '01/05/2024'),
      {},
      /is "01\/05\/2024", expected a date such as 2024-05-31/,
    ],
    [
      'a time off the grid',
      daily(40).replace('2024-01-05', '2024-01-05 06:00'),
      {},
      /follows 2024-01-04, expected 2024-01-05, one step/,
    ],
    [
      'clocks that are put forward',
      ['date,y', ...hours.filter((_, i) => i !== 14).map((hour, i) => `${hour},${i}`)].join('\n'),
      {},
      /2024-03-31T03:00 follows 2024-03-31T01:00: .* if clocks were put forward there, write times with an offset/,
    ],
    [
      'clocks that are put back',
      ['date,y', ...hours.map((hour, i) => `${i === 15 ? hours[14] : hour},${i}`)].join('\n'),
      {},
      /comes twice, .* clocks that are put back in autumn need times with an offset/,
    ],
    ['a short row', `${daily(40)}\n2024-03-01`, {}, /row 42 has 1 cells, expected 2, as many as the header/],
    ['an open quotation mark', 'date,y\n"2024-01-01,1\n', {}, /a quotation mark is not closed/],
    [
      'a window longer than the series',
      daily(40),
      { window: 60 },
      /has 40 values and its training part 36, expected at least 62/,
    ],
    ['nothing left to train on', daily(40), { validation: 0.9 }, /its training part 4, expected at least 7/],
    [
      'huge values',
      daily(40, (i) => (i === 9 ? 1e300 : i)),
      {},
      /column y has values so large .* expected values below/,
    ],
    ['a hexadecimal number', daily(40).replace(/,[^,]*$/, ',0x10'), {}, /column y is "0x10", expected a number/],
    ['one row', daily(1), {}, /the longest series has 1 row, expected 2 or more/],
    [
      'a day of 23 hours',
      ['date,y', ...[29, 30, 31].map((day) => `2024-03-${day}T00:00+01:00,${day}`), '2024-04-01T00:00+02:00,3'].join(
        '\n',
      ),
      {},
      /row 5: .* write the dates of whole days without a time, such as 2024-04-01$/,
    ],
    [
      'months whose last day is not the same',
      'date,y\n2024-01-30,1\n2024-02-28,2\n2024-03-30,3\n2024-04-29,4\n',
      {},
      /row 4: 2024-03-30 follows 2024-02-28, expected 2024-03-28, one step as between the other rows$/,
    ],
    [
      'a held-out value that single precision cannot compute with',
      daily(40, (i) => (i === 38 ? 1e140 : i % 7)),
      {},
      /column y has 1e\+140, expected values not so far from 2.*, the mean of the training part.*; correct it$/,
    ],
    ['a constant target', daily(40, () => 5), {}, /column y is always 5 in the training part, .* nothing to predict/],
    [
      'a calendar without dates',
      daily(40).replace('date', 'when'),
      { calendar: ['weekday'] },
      /calendar is weekday, but there are no dates/,
    ],
  ]
  test.each(cases)('%s', async (_what, csv, options, message) => {
    const made = readSeries(csv, 'x.csv', { ...small, ...options })
    await expect(made).rejects.toThrow(DataError)
    await expect(made).rejects.toThrow(message)
    const { message: told, facts = {} } = (await made.catch((error) => error)) as DataError
    for (const fact of Object.values(facts)) expect(told).toContain(String(fact))
  })

  test.each<[options: object, message: RegExp]>([
    [{ window: 0 }, /window is 0, expected a whole number of 1 or more/],
    [{ horizon: 1.5 }, /horizon is 1.5/],
    [{ validation: -1 }, /validation is -1/],
    [{ test: 1.5 }, /test is 1.5, expected a share below 1, or a whole number of values/],
    [{ calendar: ['moon'] }, /calendar is 'moon', expected one of 'hour', 'weekday'/],
    [{ gaps: 'skip' }, /gaps is 'skip'/],
    [{ windw: 5 }, /there is no option windw, did you mean window\?/],
    [{ target: undefined }, /target is missing/],
  ])('option %o', async (options, message) => {
    const made = readSeries(daily(40), 'x.csv', { ...small, ...options })
    await expect(made).rejects.toThrow(OptionError)
    await expect(made).rejects.toThrow(message)
  })
})

describe('reading', () => {
  test.each(['sep=;\n', '\ufeffSEP=;\r\n'])(
    'the line that tells Excel the separator, %j, is no header',
    async (line) => {
      // The header has more commas than semicolons.
      const { columns, delimiter, rows } = await parseTable(`${line}y;a, b, c\n1;"2; 3"\n`, 'x')
      expect([columns, delimiter, rows]).toEqual([['y', 'a, b, c'], ';', [{ number: 2, cells: ['1', '2; 3'] }]])
      await expect(parseTable(`${line}y;z\n1\n`, 'x')).rejects.toThrow('x: row 2 has 1 cells, expected 2')
    },
  )

  test('takes quotes, byte order marks, semicolons, blank lines and CRLF', async () => {
    const rows = days(40).map((day, i) => `"${day}";" ${i}.5 ";"a ""b"" ${i}"`)
    const { table } = await readSeries(`\ufeffdate;y;note\r\n\r\n${rows.join('\r\n')}\r\n`, 'x', {
      ...small,
      horizon: 1,
    })
    expect([...table.series[0].columns[0].slice(0, 3)]).toEqual([0.5, 1.5, 2.5])
    expect(table.step).toEqual({ milliseconds: 86_400_000 })
  })

  test('interpolates missing times and values when asked to', async () => {
    const csv = daily(40, (i) => (i === 10 ? 'NA' : i * i)).replace(/2024-01-05.*\n2024-01-06.*\n/, '')
    const { table } = await readSeries(csv, 'x', { ...small, gaps: 'interpolate' })
    const [y] = table.series[0].columns
    expect(y.length).toBe(40)
    // Between 3² and 6², and between 9² and 11².
    expect([y[4], y[5], y[10]]).toEqual([18, 27, 101])
  })

  test('passes over columns without a name, as pandas writes row numbers, unless they begin with a date', async () => {
    const rows = days(40).map((day, i) => `${i},${day},${i % 7},`)
    const text = [',date,y,', ...rows].join('\n')
    const { table } = await readSeries(text, 'x', small)
    expect([...table.series[0].columns[0].slice(0, 3)]).toEqual([0, 1, 2])
    expect((await seriesColumns(text, 'x')).map(({ name }) => name)).toEqual(['date', 'y'])
    await expect(readSeries(text, 'x', { ...small, target: '' })).rejects.toThrow('expected one of date, y')
    const indexed = daily(40).replace('date', '')
    expect(await seriesColumns(indexed, 'x')).toEqual([
      { name: '', kind: 'date' },
      { name: 'y', kind: 'number' },
    ])
    expect((await readSeries(indexed, 'x', small)).table.step).toEqual({ milliseconds: 86_400_000 })
  })

  test('a mistyped year makes no gap that is filled', async () => {
    const made = readSeries(`${daily(40)}\n9999-12-31,1`, 'x', { ...small, gaps: 'interpolate' })
    await expect(made).rejects.toThrow(
      /^x: row 42: 9999-12-31 follows 2024-02-09: 2913133 times are missing .* there are 41 rows, .* correct the time, or leave out/,
    )
  })

  test('a row of empty cells is a missing value where no dates tell that there is none', async () => {
    const numbers = Array.from({ length: 40 }, (_, i) => i * i)
    const tables = [
      // A table of one column, as pandas writes a missing value, with a blank line above its last row.
      ['y', ...numbers.map((value, i) => (i === 10 ? '""' : i === 39 ? `\n${value}` : value))],
      // Empty rows above and below are those of a spreadsheet.
      [',', 'y,z', ...numbers.map((value, i) => (i === 10 ? ',' : `${value},${i % 3}`)), ',', ','],
    ].map((lines) => `${lines.join('\n')}\n`)
    for (const csv of tables) {
      await expect(readSeries(csv, 'x', small)).rejects.toThrow('column y: the value is missing, expected a number')
      const { table } = await readSeries(csv, 'x', { ...small, gaps: 'interpolate' })
      const [y] = table.series[0].columns
      expect([y.length, y[9], y[10], y[11]]).toEqual([40, 81, 101, 121])
    }
    const dated = daily(40).replace('\n2024-01-09', '\n,\n2024-01-09')
    expect((await readSeries(dated, 'x', small)).table.series[0].length).toBe(40)
  })

  test('takes dates from a column with a usual name, and from one whose name may mean something else if it has dates', async () => {
    const stepOf = async (column: string, cells: readonly string[]) => {
      const rows = cells.map((cell, i) => `${cell},${i % 7}`)
      return (await readSeries([`${column},y`, ...rows].join('\n'), 'x', small)).table.step
    }
    const oneDay = { milliseconds: 86_400_000 }
    for (const name of ['date', 'ds', 'Data', 'mês', 'dia']) expect(await stepOf(name, days(40))).toEqual(oneDay)
    const numbers = Array.from({ length: 40 }, (_, i) => String(2000 + i))
    for (const name of ['data', 'day', 'other']) expect(await stepOf(name, numbers)).toBeUndefined()
    expect(await stepOf('other', days(40))).toBeUndefined()
  })

  // The words that docs/series.md lists.
  test.each(['', 'NA', 'N/A', 'n/a', 'NaN', 'nan', 'null', 'NULL', 'None', '-', '?'])(
    'takes ‘%s’ for a missing value',
    async (word) => {
      const csv = daily(40, (i) => (i === 10 ? word : i * i))
      await expect(readSeries(csv, 'x', small)).rejects.toThrow('row 12, column y: the value is missing')
      const { table } = await readSeries(csv, 'x', { ...small, gaps: 'interpolate' })
      expect(table.series[0].columns[0][10]).toBe(101)
    },
  )

  test('separates the series of one file, each with its own scale', async () => {
    const rows = days(40).flatMap((day, i) => [`${day},a,${i}`, `${day},b,${1000 + 10 * i}`])
    const data = await readSeries(['date,shop,y', ...rows].join('\n'), 'x', { ...small, seriesColumn: 'shop' })
    expect(data.table.series.map(({ name, length }) => [name, length])).toEqual([
      ['a', 40],
      ['b', 40],
    ])
    const [a, b] = [data.spec.scales.a[0], data.spec.scales.b[0]]
    expect(a.mean).toBeCloseTo(17.5)
    expect(b.mean).toBeCloseTo(1175)
    expect(b.deviation / a.deviation).toBeCloseTo(10)
  })

  test('offsets make summer time a regular step', async () => {
    const local = (utc: number) => {
      const summer = utc >= Date.UTC(2024, 2, 31, 1)
      const there = new Date(utc + (summer ? 2 : 1) * 3_600_000).toISOString().slice(0, 16)
      return `${there}+0${summer ? 2 : 1}:00`
    }
    const rows = Array.from({ length: 40 }, (_, i) => `${local(Date.UTC(2024, 2, 30, 12) + i * 3_600_000)},${i}`)
    const { table } = await readSeries(['date,y', ...rows].join('\n'), 'x', small)
    expect(table.step).toEqual({ milliseconds: 3_600_000 })
    expect(table.series[0].length).toBe(40)
  })

  test.each([
    ['2024-11-05T16:00:00+01:00', '2024-11-05T17:00:00+01:00'],
    ['2024-11-05 16:00-0330', '2024-11-05 17:00-0330'],
    ['2024-11-05T23:30:00.000 Z', '2024-11-06T00:30:00.000 Z'],
    ['2024/1/31 9:00', '2024/1/31 10:00'],
    // As PostgreSQL, BigQuery and NumPy write them.
    ['2024-11-05 23:30:00+05', '2024-11-06 00:30:00+05'],
    ['2024-11-05 23:30:00 UTC', '2024-11-06 00:30:00 UTC'],
    ['2024-11-05T23', '2024-11-06T00'],
    ['2024-11-05T23:30:00.5', '2024-11-06T00:30:00.5'],
    ['2024-11-05T23:30:01.005Z', '2024-11-06T00:30:01.005Z'],
    ['2024-11-05T23:30:00.250000', '2024-11-06T00:30:00.250000'],
    ['9999-12-31T23:30', '+010000-01-01T00:30:00'],
    ['0099-12-31T23:30', '0100-01-01T00:30'],
    // A form that has no hours falls back to one that has.
    ['2024-11-05', '2024-11-05T01:00:00'],
  ])('the time an hour after %s is %s', (last, next) => {
    const step = { milliseconds: 3_600_000 }
    expect(formatTime(timeAfter(parseTime(last)!, step, 1), step, last)).toBe(next)
  })

  test.each([
    ['2016-08', { months: 1 }, '2016-09'],
    ['1999', { months: 12 }, '2000'],
    ['0089', { months: 12 }, '0090'],
    ['0099', { months: 12 }, '0100'],
    ['9999', { months: 12 }, '+010000-01-01'],
    ['1969-05-01T06:00', { months: 1 }, '1969-06-01T06:00'],
    ['2024-02-29', { milliseconds: 86_400_000 }, '2024-03-01'],
    ['2024-02-29T00:00:00+01:00', { milliseconds: 86_400_000 }, '2024-03-01T00:00:00+01:00'],
  ])('the time after %s in steps of %j is %s', (last, step, next) => {
    expect(formatTime(timeAfter(parseTime(last)!, step, 1), step, last)).toBe(next)
  })

  test('a step has the time and the clock of the last row', async () => {
    const offset = (i: number) => (i < 20 ? '+02:00' : '+01:00')
    const clock = (i: number) => new Date(Date.UTC(2024, 9, 26, 7 + i - (i < 20 ? 0 : 1))).toISOString().slice(0, 19)
    const rows = Array.from({ length: 40 }, (_, i) => `${clock(i)}${offset(i)},${i}`)
    const data = await readSeries(['date,y', ...rows].join('\n'), 'x', small)
    expect(data.timeTextOf(0, 40)).toBe(`${clock(40)}+01:00`)
    expect(data.clockOf(0, 40)).toBe(Date.parse(`${clock(40)}Z`))
    expect((await readSeries(daily(40), 'x', small)).withoutLast(2).timeTextOf(0, 38)).toBe('2024-02-08')
  })

  test('reads parts of seconds, and years since the first', async () => {
    const half = (i: number) => `2024-01-01T00:00:${String(i >> 1).padStart(2, '0')}.${(i % 2) * 5}`
    const rows = Array.from({ length: 60 }, (_, i) => `${half(i)},${i % 9}`)
    expect((await readSeries(['date,y', ...rows].join('\n'), 'x', small)).table.step).toEqual({ milliseconds: 500 })
    const years = Array.from({ length: 160 }, (_, i) => `${String(i + 1).padStart(4, '0')},${i % 9}`)
    const { table } = await readSeries(['date,y', ...years].join('\n'), 'x', small)
    expect([table.step, table.series[0].length]).toEqual([{ months: 12 }, 160])
  })

  test('gives no times that no clock shows', async () => {
    const rows = Array.from({ length: 90 }, (_, i) => `${String(i * 100).padStart(4, '0')},${i % 9}`)
    const data = await readSeries(['date,y', ...rows].join('\n'), 'x', small)
    expect(data.timeTextOf(0, 100)).toBe('+010000-01-01')
    expect(data.timeTextOf(0, 9999)).toBeUndefined()
  })

  test('knows series of any names, and no others', async () => {
    const names = ['__proto__', 'constructor', '']
    const rows = names.flatMap((name) => days(40).map((day, i) => `${day},${name},${i % 9}`))
    const data = await readSeries(['date,s,y', ...rows].join('\n'), 'x', { ...small, seriesColumn: 's' })
    expect(Object.keys(data.spec.scales)).toEqual(names)
    const spec = JSON.parse(JSON.stringify(data.spec))
    expect(data.scalesOf(0)).toEqual(data.scalesOf(1))
    await readSeriesFor(spec, ['date,s,y', ...rows].join('\n'), 'x')
    const other = ['date,s,y', ...rows.slice(0, 40)].join('\n').replaceAll('__proto__', 'toString')
    await expect(readSeriesFor(spec, other, 'x')).rejects.toThrow('x: the model does not know the series toString')
  })

  describe('a calendar shows the clock of the file', () => {
    // From +02:00 to +01:00 on 27 October; the hour from 2 to 3 comes twice.
    const offset = (i: number) => (i < 20 ? '+02:00' : '+01:00')
    const clock = (i: number) => new Date(Date.UTC(2024, 9, 26, 7 + i - (i < 20 ? 0 : 1))).toISOString().slice(0, 16)
    const withOffsets = Array.from({ length: 40 }, (_, i) => `${clock(i)}${offset(i)},${i % 9}`)
    const hoursAndDays = { ...small, window: 38, calendar: ['hour', 'weekday'] } as const
    const positions = (data: SeriesData) => data.batch([{ series: 0, at: 38 }]).positions.map(({ data }) => [...data])
    const shown = [
      Array.from({ length: 40 }, (_, i) => Number(clock(i).slice(11, 13))),
      Array.from({ length: 40 }, (_, i) => new Date(`${clock(i)}Z`).getUTCDay()),
    ]

    test('with offsets, through a change of them and after the last row', async () => {
      const csv = ['date,y', ...withOffsets].join('\n')
      const data = await readSeries(csv, 'x', { ...hoursAndDays, validation: 0 })
      expect(positions(data)).toEqual(shown)
      const known = await readSeriesFor(data.spec, ['date,y', ...withOffsets.slice(0, 38)].join('\n'), 'x')
      expect(positions(known)).toEqual(shown)
    })

    test('with an offset at each of several series, and times between rows', async () => {
      const zones = ['-05:00', 'Z', '+09:30']
      const lines = zones.flatMap((zone) =>
        Array.from(
          { length: 60 },
          (_, i) => `${zone},${days(60, Date.UTC(2024, 4, 1, 6), 3_600_000)[i]}${zone},${i % 9}`,
        ),
      )
      const csv = ['zone,date,y', ...lines.filter((_, i) => i % 60 !== 30)].join('\n')
      const how = { ...hoursAndDays, seriesColumn: 'zone', gaps: 'interpolate' } as const
      const data = await readSeries(csv, 'x', how)
      const [first, ...others] = [0, 1, 2].map((series) =>
        data.batch([{ series, at: 38 }]).positions.map(({ data }) => [...data]),
      )
      expect(first[0]).toEqual(Array.from({ length: 40 }, (_, i) => (6 + i) % 24))
      expect(others).toEqual([first, first])
    })

    test('which is not always the same because it is in UTC', async () => {
      const rows = days(60).map((day, i) => `${day}T00:00+05:30,${i % 9}`)
      const data = await readSeries(['date,y', ...rows].join('\n'), 'x', { ...small, calendar: ['weekday', 'month'] })
      const [weekday, month] = data.batch([{ series: 0, at: 35 }]).positions.map(({ data }) => [...data])
      expect(weekday).toEqual(Array.from({ length: 7 }, (_, i) => (1 + 30 + i) % 7))
      expect(month).toEqual([0, 1, 1, 1, 1, 1, 1])
      const idle = readSeries(['date,y', ...rows].join('\n'), 'x', { ...small, calendar: ['hour'] })
      await expect(idle).rejects.toThrow(/hour is the same for all rows/)
    })

    test('but that of a model saved before was UTC, and stays so', async () => {
      const csv = ['date,y', ...withOffsets].join('\n')
      const { clock: _, ...spec } = (await readSeries(csv, 'x', { ...hoursAndDays, validation: 0 })).spec
      const utc = Array.from({ length: 40 }, (_, i) => (5 + i) % 24)
      expect(positions(await readSeriesFor(spec, csv, 'x'))[0]).toEqual(utc)
    })
  })

  test.each([
    [{ months: 1 }, '1 month'],
    [{ months: 3 }, '3 months'],
    [{ months: 12 }, '1 year'],
    [{ milliseconds: 86_400_000 }, '1 day'],
    [{ milliseconds: 7 * 86_400_000 }, '7 days'],
    [{ milliseconds: 5_400_000 }, '90 minutes'],
    [{ milliseconds: 3_600_000 }, '1 hour'],
    [{ milliseconds: 1500 }, '1500 milliseconds'],
  ])('a step of %j is %s', (step, text) => expect(stepText(step)).toBe(text))

  test('knows months, leap days and the ends of months', () => {
    const ends = ['2023-12-31', '2024-01-31', '2024-02-29', '2024-03-31', '2024-04-30'].map((day) => parseTime(day)!)
    expect(stepOf(ends)).toEqual({ months: 1 })
    expect(timeAfter(ends[4], { months: 1 }, 1)).toBe(Date.UTC(2024, 4, 31))
    expect(usualSeason({ months: 1 })).toBe(12)
    for (const none of ['2023-02-29', '2024-01-01T24:00', '2024-01-01T00:00+24:00', '2024-01-01T00:00+01:60']) {
      expect(parseTime(none)).toBeUndefined()
    }
    for (const same of ['2024-06-01T12:00+02:00', '2024-06-01 12:00:00+02', '2024-06-01 10:00 UTC', '2024-06-01 10']) {
      expect(parseTime(same)).toBe(Date.UTC(2024, 5, 1, 10))
    }
    expect(parseTime('2024-06-01 12:00:00-03:30')).toBe(Date.UTC(2024, 5, 1, 15, 30))
    expect(parseTime('2024-06-01 12+02')).toBeUndefined()
  })
})

test('scales come from the training part alone, and each part has its own origins', async () => {
  const csv = (last: number) => daily(100, (i) => (i < 80 ? i % 9 : last))
  const options = { ...small, validation: 10, test: 10 }
  const [a, b] = [await readSeries(csv(1), 'x', options), await readSeries(csv(1e6), 'x', options)]
  expect(b.spec).toEqual(a.spec)
  const values = Array.from({ length: 80 }, (_, i) => i % 9)
  const mean = values.reduce((sum, value) => sum + value) / 80
  expect(a.spec.scales[''][0].mean).toBeCloseTo(mean, 12)
  expect(a.spec.scales[''][0].deviation).toBeCloseTo(
    Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 80),
    12,
  )
  const range = (part: 'train' | 'validation' | 'test') => a.origins(part).map(({ at }) => at)
  expect([range('train')[0], range('train').at(-1)]).toEqual([5, 78])
  expect([range('validation')[0], range('validation').at(-1)]).toEqual([80, 88])
  expect([range('test')[0], range('test').at(-1)]).toEqual([90, 98])
})

test('a batch holds the windows, what is known, and the dates', async () => {
  const csv = ['date,y,wind', ...days(40).map((day, i) => `${day},${i},${i * i}`)].join('\n')
  const data = await readSeries(csv, 'x', { ...small, features: ['wind'], calendar: ['weekday', 'yearday'] })
  const { x, y, positions } = data.batch([
    { series: 0, at: 7 },
    { series: 0, at: 20 },
  ])
  const [scale, wind] = data.spec.scales['']
  const values = (await x.toArray()) as number[][][]
  expect(x.shape).toEqual([7, 2, 3])
  expect(values[0][1][0]).toBeCloseTo((15 - scale.mean) / scale.deviation, 5)
  expect(values[4][0][1]).toBeCloseTo((36 - wind.mean) / wind.deviation, 5)
  expect(values.map((step) => step[0][2])).toEqual([1, 1, 1, 1, 1, 0, 0])
  expect(values[5]).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ])
  expect((await y.toArray()) as number[][][]).toEqual(
    [7, 8].map((at) => [at, at + 13].map((v) => [expect.closeTo((v - scale.mean) / scale.deviation, 5)])),
  )
  // 3 January 2024 was a Wednesday.
  expect(((await positions[0].toArray()) as number[][])[0][0]).toBe(3)
  expect(((await positions[1].toArray()) as number[][])[5][0]).toBe(7)
})

describe('measures and baselines', () => {
  test('errors are those of their formulas', () => {
    const [truth, made] = [
      [100, 0, -50, 20],
      [110, 0, -40, 26],
    ]
    const { mae, rmse, smape, mase } = forecastErrors(truth, made, 13)
    expect(mae).toBe(26 / 4)
    expect(rmse).toBeCloseTo(Math.sqrt(236 / 4), 12)
    expect(smape).toBeCloseTo((100 * (20 / 210 + 20 / 90 + 12 / 46)) / 4, 10)
    expect(mase).toBe(0.5)
    expect(maseScale([1, 5, 4, 9], 2)).toBe(3.5)
    expect(forecastErrors(truth, made).mase).toBeUndefined()
    // Of two series, one of which has no scale.
    expect(forecastErrors(truth, made, [2, 2, 0, 4]).mase).toBe((5 + 0 + 1.5) / 3)
  })

  test('baselines', () => {
    const history = Float64Array.of(2, 4, 6, 5, 8)
    expect([...naive(history, 2)]).toEqual([8, 8])
    expect([...seasonalNaive(2)(history, 3)]).toEqual([5, 8, 5])
    expect([...movingAverage(2)(history, 2)]).toEqual([6.5, 6.5])
    expect([...drift(history, 2)]).toEqual([9.5, 11])
    // A constant is its own smoothing, and a series that jumps once is followed at once.
    expect([...exponentialSmoothing()(Float64Array.of(3, 3, 3), 2)]).toEqual([3, 3])
    expect(exponentialSmoothing()(Float64Array.of(0, 0, 9, 9, 9, 9), 1)[0]).toBeCloseTo(9, 2)
    expect([...exponentialSmoothing()(Float64Array.of(5), 2)]).toEqual([5, 5])
  })

  // Values of ses() of R's package forecast 8.20: test/fixtures/make_ses_fixtures.R.
  const fits = JSON.parse(readFileSync(new URL('../../../test/fixtures/ses.json', import.meta.url), 'utf8'))
  test.each(Object.keys(fits))('exponential smoothing of %s is that of R', (name) => {
    const { alpha, first, mse, forecast, values } = fits[name]
    const fit = fitSmoothing(values)
    // R searches with Nelder and Mead's simplex, so that its squared error is at best the least.
    expect(fit.error / values.length / mse).toBeLessThan(1 + 1e-9)
    expect(fit.error / values.length / mse).toBeGreaterThan(1 - 1e-4)
    const scale = Math.sqrt(mse)
    expect(Math.abs(fit.alpha - alpha)).toBeLessThan(0.003)
    expect(Math.abs(fit.first - first) / scale).toBeLessThan(0.06)
    expect(Math.abs(exponentialSmoothing()(Float64Array.from(values), 1)[0] - forecast) / scale).toBeLessThan(0.01)
  })

  test('exponential smoothing has a fit of its own for each forecast, but for those of a long series, which share one', () => {
    const generator = new Generator(4)
    const long = Float64Array.from({ length: 6000 }, () => generator.normal())
    for (let i = 1; i < long.length; i++) long[i] += 0.9 * long[i - 1]
    const rolling = exponentialSmoothing()
    for (const length of [50, 51, 60, 40, 3000]) {
      expect(rolling(long.subarray(0, length), 2)).toEqual(exponentialSmoothing()(long.subarray(0, length), 2))
    }
    const { alpha, last } = fitSmoothing(long.subarray(0, 5500))
    rolling(long.subarray(0, 5500), 1)
    const next = last + alpha * (long[5500] - last)
    expect(rolling(long.subarray(0, 5501), 1)[0]).toBe(next)
    expect(rolling(long.subarray(0, 5502), 1)[0]).toBe(next + alpha * (long[5501] - next))
    expect(rolling(long.subarray(0, 5502), 1)[0]).toBeCloseTo(exponentialSmoothing()(long.subarray(0, 5502), 1)[0], 2)
    expect(rolling(long, 1)).toEqual(exponentialSmoothing()(long, 1))
    // Another series of the same length, with the same values in another place.
    const other = long.map((value) => 2 * value)
    expect(rolling(other, 1)).toEqual(exponentialSmoothing()(other, 1))
  })

  test('the seasonal baseline is there once a season is known', () => {
    expect(Object.keys(seriesBaselines(7, 7))).toContain('seasonal naive')
    expect(Object.keys(seriesBaselines(7, 6))).not.toContain('seasonal naive')
  })

  test('a conformal interval covers new values of the same distribution', () => {
    // Of 19 residuals, 90 % is the 18th, and no 96 % exists.
    const sorted = Array.from({ length: 19 }, (_, i) => i + 1)
    expect(conformalWidth(sorted, 0.9)).toBe(18)
    expect(conformalWidth(sorted, 0.95)).toBe(19)
    expect(conformalWidth(sorted, 0.96)).toBeUndefined()
    expect(conformalWidths(sorted)).toHaveLength(95)
    const generator = new Generator(1)
    for (const level of [0.5, 0.8, 0.9]) {
      let inside = 0
      for (let trial = 0; trial < 4000; trial++) {
        const residuals = Array.from({ length: 19 }, () => Math.abs(generator.normal() ** 3)).sort((a, b) => a - b)
        if (Math.abs(generator.normal() ** 3) <= conformalWidth(residuals, level)!) inside++
      }
      // Exactly `level` in expectation where (n + 1) level is whole; the standard error is below 0.008.
      expect(Math.abs(inside / 4000 - level)).toBeLessThan(0.025)
    }
  })
})

import { checkNumber, checkWhole, checkWord } from '../../core/check.js'
import { DataError, OptionError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { inputSizeOf, type SeriesModelSizes } from '../../nn/series-model.js'
import { fromData } from '../../tensor/create.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type CalendarName, calendarNames, calendars, usualCalendar } from './calendar.js'
import type { NumberSeries, ReadSeriesOptions, SeriesTable } from './read-series.js'
import { formatTime, offsetOf, stepText, type TimeStep, timeAfter, usualSeason } from './times.js'

/** How series are cut into windows. */
export interface WindowOptions {
  /** How many values the model sees. Default 30. */
  window?: number
  /** How many values it predicts at once. Default 1. */
  horizon?: number
  /** What the model knows of the date of each step. Default: what suits the step, such as weekday and month for days. */
  calendar?: readonly CalendarName[]
  /** Values after which a pattern repeats, for MASE and the seasonal naive forecast. Default: 7 for days, 24 for hours, 12 for months. */
  season?: number
  /** Held out at the end of each series, before the test part: a number of values, or below 1 a share. Default 0.1. */
  validation?: number
  /** Held out at the very end and never trained on: a number of values, or below 1 a share. Default 0. */
  test?: number
  /** Windows in a batch. Default 32. */
  batchSize?: number
  /** Draws the order of the windows. */
  generator?: Generator
}

/** Mean and standard deviation of a column in the training part of a series. */
export interface Scale {
  mean: number
  deviation: number
}

/** What a model must know of series to forecast them; it is saved with the model. */
export interface SeriesSpec {
  targets: string[]
  /** The targets, and after them the features that are not targets. */
  columns: string[]
  window: number
  horizon: number
  calendar: CalendarName[]
  season: number
  /** Calendars show the clocks that the file's times show. Without this, as in models saved before, they show UTC. */
  clock?: 'file'
  step?: TimeStep
  /** How the file was read, so that another one is read alike. */
  read: ReadSeriesOptions
  /** The parts that were held out. */
  validation: number
  test: number
  /** The scale of each column, by the name of the series. */
  scales: Record<string, Scale[]>
}

/** Windows side by side. T steps are the window and, after it, the horizon. */
export interface SeriesBatch {
  /** Scaled columns and whether they are known, which in the horizon they are not: [T, batch, columns + 1]. */
  x: Tensor
  /** For each calendar, int32 [T, batch]. */
  positions: Tensor[]
  /** The scaled targets in the horizon, [horizon, batch, targets]. */
  y: Tensor
}

/** A window of a series: `at` is the index of the first value to predict. */
export interface Origin {
  series: number
  at: number
}

/** The parts that a series is split into by time. */
export type SeriesPart = 'train' | 'validation' | 'test'

/**
 * Series as a training and a forecast use them: split by time, scaled by the statistics of the training part alone, and
 * cut into windows.
 */
export class SeriesData {
  readonly spec: SeriesSpec
  readonly batchSize: number
  readonly generator: Generator
  /** For each series, where the validation part and the test part begin. */
  readonly parts: readonly { validation: number; test: number }[]
  readonly #train: readonly Origin[]
  readonly #scaled: Float64Array[][]
  /** For each series, the positions in each calendar. */
  readonly #dates: Int32Array[][] = []

  /**
   * @param spec what a saved model knows besides how this table is read and split; without one, it is made of the training part
   * @throws OptionError for sizes that are not whole; DataError for series that are too short, or constant
   */
  constructor(
    readonly table: SeriesTable,
    options: WindowOptions = {},
    spec?: SeriesSpec,
  ) {
    const where = 'SeriesData'
    const { validation = spec?.validation ?? 0.1, test = spec?.test ?? 0 } = options
    const { batchSize = 32, generator = new Generator() } = options
    for (const [name, value] of Object.entries({ validation, test })) {
      checkNumber(where, name, value, 0)
      if (value > 1 && !Number.isInteger(value)) {
        throw new OptionError(`${where}: ${name} is ${value}, expected a share below 1, or a whole number of values`, [
          name,
        ])
      }
    }
    checkWhole(where, 'batchSize', batchSize)
    this.generator = generator
    this.parts = table.series.map(({ length }) => {
      const count = (part: number) => Math.round(part < 1 ? part * length : part)
      const end = length - count(test)
      return { validation: end - count(validation), test: end }
    })
    const ends = this.parts.map(({ validation }) => validation)
    this.spec = spec ? { ...spec, read: table.read, validation, test } : makeSpec(where, table, options, ends)
    this.#scaled = table.series.map((series) => this.#scale(series))
    this.#train = this.origins('train')
    this.batchSize = Math.max(1, Math.min(batchSize, this.#train.length))
  }

  /** The sizes of a `SeriesModel` of these series. */
  get sizes(): SeriesModelSizes {
    return sizesOf(this.spec)
  }

  /** Features of the recurrent layer's input that `SeriesModel` expects. */
  get inputSize(): number {
    return inputSizeOf(this.sizes)
  }

  get mostBatches(): number {
    return Math.floor(this.#train.length / this.batchSize)
  }

  get batchItems(): number {
    return this.batchSize * this.spec.horizon * this.spec.targets.length
  }

  /** One pass over all windows of the training part in a fresh order. */
  *batches(from = 0): IterableIterator<SeriesBatch> {
    const order = Int32Array.from(this.#train.keys())
    this.generator.shuffle(order)
    for (let batch = from; batch < this.mostBatches; batch++) {
      const rows = order.subarray(batch * this.batchSize, (batch + 1) * this.batchSize)
      yield this.batch(Array.from(rows, (row) => this.#train[row]))
    }
  }

  /**
   * The windows whose `steps` predicted values lie in a part.
   * @param stride steps between two windows
   */
  origins(part: SeriesPart, stride = 1, steps = this.spec.horizon): Origin[] {
    return this.table.series.flatMap(({ length }, series) => {
      const { validation, test } = this.parts[series]
      const [from, to] = { train: [0, validation], validation: [validation, test], test: [test, length] }[part]
      const found: Origin[] = []
      for (let at = Math.max(from, this.spec.window); at + steps <= to; at += stride) found.push({ series, at })
      return found
    })
  }

  /** Whether forecasts of a part can be measured: it is long enough, and the file has true values of each target. */
  hasTruth(part: SeriesPart): boolean {
    const { targets, horizon } = this.spec
    const steps = Array.from({ length: horizon }, (_, step) => step)
    const origins = this.origins(part)
    return targets.every((_, column) =>
      origins.some(({ series, at }) => {
        const { filled } = this.table.series[series]
        return steps.some((step) => !filled[column].has(at + step))
      }),
    )
  }

  /** The ends of all series. @throws DataError for one that is shorter than the window */
  ends(where: string): Origin[] {
    return this.table.series.map(({ name, length }, series) => {
      if (length >= this.spec.window) return { series, at: length }
      throw new DataError(
        `${where}: ${this.table.name}: the series${name && ` ${name}`} has ${length} values, expected at least the model's window of ${this.spec.window}`,
        [],
        'short-series',
        { series: name, values: length, needed: this.spec.window },
      )
    })
  }

  /** The scaled value of a column. */
  value({ series }: Origin, column: number, at: number): number {
    return this.#scaled[series][column][at]
  }

  /** The mean and the standard deviation of each column of a series, over its training part. */
  scalesOf(series: number): readonly Scale[] {
    return this.spec.scales[this.table.series[series].name]
  }

  /** The time of a step, also beyond the end of the series; undefined without dates, and for times that no `Date` has. */
  timeOf(series: number, at: number): number | undefined {
    const { start } = this.table.series[series]
    const time = start === undefined ? Number.NaN : timeAfter(start, this.spec.step!, at)
    return Number.isNaN(new Date(time).getTime()) ? undefined : time
  }

  /** The time of a step as the file writes times: in the form and with the offset of the last row of the series. */
  timeTextOf(series: number, at: number): string | undefined {
    const time = this.timeOf(series, at)
    return time === undefined ? undefined : formatTime(time, this.spec.step!, this.table.series[series].lastTime)
  }

  /** The time of a step on the clock of the last row of the series, as if it were UTC, for the axis of a plot. */
  clockOf(series: number, at: number): number | undefined {
    const time = this.timeOf(series, at)
    return time === undefined ? undefined : time + offsetOf(this.table.series[series].lastTime ?? '')
  }

  /** The same series without their last values, of which a forecast then knows nothing. Nothing is held out. */
  withoutLast(count: number): SeriesData {
    const series = this.table.series.map((one) => {
      const length = Math.max(one.length - count, 0)
      return { ...one, length, columns: one.columns.map((values) => values.subarray(0, length)) }
    })
    return new SeriesData({ ...this.table, series }, { validation: 0, test: 0 }, this.spec)
  }

  /**
   * Windows side by side.
   * @param read the scaled value of a column at a step; by default that of the series
   */
  batch(
    origins: readonly Origin[],
    read = (row: number, column: number, at: number) => this.value(origins[row], column, at),
  ): SeriesBatch {
    const { window, horizon, columns, targets, calendar } = this.spec
    const [steps, width, rows] = [window + horizon, columns.length + 1, origins.length]
    const x = new Float32Array(steps * rows * width)
    const y = new Float32Array(horizon * rows * targets.length)
    const positions = calendar.map(() => new Int32Array(steps * rows))
    origins.forEach((origin, row) => {
      const dates = this.#positions(origin.series, origin.at + horizon)
      for (let step = 0; step < steps; step++) {
        const at = origin.at - window + step
        const place = step * rows + row
        for (let column = 0; step < window && column < columns.length; column++) {
          x[place * width + column] = read(row, column, at)
        }
        if (step < window) x[place * width + columns.length] = 1
        for (let i = 0; i < calendar.length; i++) positions[i][place] = dates[i][at]
        for (let target = 0; step >= window && target < targets.length; target++) {
          y[((step - window) * rows + row) * targets.length + target] = read(row, target, at)
        }
      }
    })
    return {
      x: fromData(x, [steps, rows, width]),
      positions: positions.map((numbers) => fromData(numbers, [steps, rows])),
      y: fromData(y, [horizon, rows, targets.length]),
    }
  }

  /** For each calendar, the positions of the steps of a series, in advance of at least `end`. */
  #positions(series: number, end: number): readonly Int32Array[] {
    const known = this.#dates[series]
    if (known && (known[0]?.length ?? end) >= end) return known
    const length = Math.max(end, this.table.series[series].length)
    const { calendar, clock, step } = this.spec
    const { start, offsets } = this.table.series[series]
    const shown = { start, offsets: clock === 'file' ? offsets : undefined }
    const dates = Array.from({ length: calendar.length > 0 ? length : 0 }, (_, at) => dateOf(shown, step!, at))
    this.#dates[series] = calendar.map((name) => Int32Array.from(dates, calendars[name].of))
    return this.#dates[series]
  }

  #scale({ name, columns }: NumberSeries): Float64Array[] {
    if (!Object.hasOwn(this.spec.scales, name)) {
      const known = Object.keys(this.spec.scales).slice(0, 10).join(', ')
      const problem = `${this.table.name}: the model does not know the series ${name}, expected one of ${known}`
      throw new DataError(problem, [], 'unknown-series', { series: name })
    }
    const scales = this.spec.scales[name]
    return columns.map((values, i) => {
      const { mean, deviation } = scales[i]
      const far = values.findIndex((value) => Math.abs(value - mean) / deviation > FARTHEST)
      if (far < 0) return values.map((value) => (value - mean) / deviation)
      const column = this.spec.columns[i]
      throw new DataError(
        `${this.table.name}: column ${column} has ${values[far]}${name === '' ? '' : ` in the series ${name}`}, expected values not so far from ${mean}, the mean of the training part, whose standard deviation is ${deviation}; correct it`,
        [],
        'large-values',
        { column },
      )
    })
  }
}

/** Standard deviations from the mean that single precision can still compute with. */
const FARTHEST = 1e30

/** Numbers that the recurrent layer reads for each calendar. */
const POSITION = 4

/** The sizes of a model of such series. */
export const sizesOf = ({ columns, targets, window, calendar }: SeriesSpec): SeriesModelSizes => ({
  ...{ columns: columns.length, targets: targets.length, window, positionSize: POSITION },
  calendars: calendar.map((name) => calendars[name].size),
})

function makeSpec(where: string, table: SeriesTable, options: WindowOptions, ends: readonly number[]): SeriesSpec {
  const { step, targets, columns } = table
  const { window = 30, horizon = 1, season = usualSeason(step), calendar = usualCalendar(step) } = options
  for (const [name, value] of Object.entries({ window, horizon, season })) checkWhole(where, name, value)
  for (const name of calendar) checkWord(where, 'calendar', name, calendarNames)
  if (calendar.length > 0 && !step) {
    throw new DataError(
      `${table.name}: calendar is ${calendar.join(', ')}, but there are no dates, expected a column of dates; name it with dateColumn`,
      ['calendar', 'dateColumn'],
      'no-dates',
    )
  }
  const idle = options.calendar?.find((name) => isIdle(name, table))
  if (idle !== undefined) {
    throw new DataError(
      `${table.name}: calendar is ${calendar.join(', ')}, but ${idle} is the same for all rows, expected what changes in steps of ${stepText(step!)}; leave ${idle} out`,
      ['calendar'],
      'idle-calendar',
      { calendar: idle },
    )
  }
  const scaled = table.series.map(({ name, length, columns: values }, i): [string, Scale[]] => {
    if (ends[i] < window + horizon) {
      const which = name === '' ? 'the series' : `the series ${name}`
      throw new DataError(
        `${table.name}: ${which} has ${length} values and its training part ${Math.max(ends[i], 0)}, expected at least ${window + horizon}, a window of ${window} and a horizon of ${horizon}; make them smaller, hold out less (validation, test), or use a longer series`,
        ['window', 'horizon', 'validation', 'test'],
        'short-series',
        { series: name, values: Math.max(ends[i], 0), needed: window + horizon },
      )
    }
    return [name, values.map((column) => scaleOf(column.subarray(0, ends[i])))]
  })
  // A series may have any name, such as __proto__.
  const scales = Object.fromEntries(scaled)
  const huge = columns.findIndex((_, i) => Object.values(scales).some((all) => !Number.isFinite(all[i].deviation)))
  if (huge >= 0) {
    throw new DataError(
      `${table.name}: column ${columns[huge]} has values so large that their squares are infinite, expected values below 1e150; divide them`,
      [],
      'large-values',
      { column: columns[huge] },
    )
  }
  const constant = columns.findIndex((_, i) => Object.values(scales).every((all) => all[i].deviation === 0))
  if (constant >= 0) {
    const varies = table.series.some(({ columns }, i) =>
      columns[constant].subarray(0, ends[i]).some((value, _, [first]) => value !== first),
    )
    if (varies) {
      throw new DataError(
        `${table.name}: column ${columns[constant]} has values so close together that their scale is 0, expected larger differences; multiply them`,
        [],
        'close-values',
        { column: columns[constant] },
      )
    }
    const { mean } = Object.values(scales)[0][constant]
    // Numbers of this size have no decimals below a thousandth, which a file may have.
    const digits = Math.abs(mean) >= 1e13 ? ' to the 16 digits that numbers have' : ''
    const what =
      constant < targets.length
        ? 'expected values that change; there is nothing to predict'
        : 'expected values that change; leave it out of the features'
    throw new DataError(
      `${table.name}: column ${columns[constant]} is always ${mean}${digits} in the training part, ${what}${digits && '; take what is the same off all values'}`,
      [],
      'constant-column',
      { column: columns[constant] },
    )
  }
  // A column that is constant in one of several series is only moved.
  for (const scale of Object.values(scales).flat()) scale.deviation ||= 1
  const { validation = 0.1, test = 0 } = options
  const sizes = { window, horizon, calendar: [...calendar], clock: 'file' as const, season, step }
  return { targets: [...targets], columns: [...columns], ...sizes, read: table.read, validation, test, scales }
}

/** What a clock shows at a step, as if it were UTC; after the last row, offsets stay as they are there. */
function dateOf({ start, offsets }: Pick<NumberSeries, 'start' | 'offsets'>, step: TimeStep, at: number): Date {
  const offset = offsets ? offsets[Math.min(at, offsets.length - 1)] : 0
  return new Date(timeAfter(start!, step, at) + offset)
}

/** Whether a position in a calendar is the same for all rows. */
function isIdle(name: CalendarName, { series, step }: SeriesTable): boolean {
  const { of } = calendars[name]
  const first = of(dateOf(series[0], step!, 0))
  return series.every((one) => {
    for (let i = 0; i < one.length; i++) if (of(dateOf(one, step!, i)) !== first) return false
    return true
  })
}

/** Population mean and standard deviation. */
function scaleOf(values: Float64Array): Scale {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.every((value) => value === values[0])) return { mean: values[0], deviation: 0 }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, deviation: Math.sqrt(variance) }
}

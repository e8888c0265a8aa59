import type { CalendarName, LoadSeriesOptions, RunOptions, SeriesColumn, SeriesReading } from 'unrolled/browser'
import { calendarNames } from 'unrolled/config'
import { numberOf } from '../number-field'
import { kinds } from '../setup'

type Read = 'dateColumn' | 'seriesColumn' | 'gaps' | 'window' | 'horizon' | 'validation' | 'test'
type Trained = 'cell' | 'hiddenSize' | 'numLayers' | 'epochs' | 'lr' | 'batchSize' | 'seed'

/** What of a table is forecast, from what, and by which model. */
export interface SeriesSetup extends Pick<LoadSeriesOptions, Read>, Pick<RunOptions, Trained> {
  target: readonly string[]
  features: readonly string[]
  /** Absent: what suits the dates. */
  calendar?: readonly CalendarName[]
}

/** The numbers of a setup, in the order of the form. What is held out is a number of values, or below 1 a share. */
export const ranges = {
  window: { least: 1, most: 10_000, whole: true },
  horizon: { least: 1, most: 1000, whole: true },
  validation: { least: 0, most: 1_000_000, whole: false },
  test: { least: 0, most: 1_000_000, whole: false },
  hiddenSize: { least: 1, most: 2048, whole: true },
  numLayers: { least: 1, most: 8, whole: true },
  epochs: { least: 1, most: 10_000, whole: true },
  lr: { least: 1e-6, most: 1, whole: false },
  batchSize: { least: 1, most: 4096, whole: true },
  seed: { least: 0, most: 2 ** 31 - 1, whole: true },
} as const

export type NumberName = keyof typeof ranges
const numbers = Object.keys(ranges) as NumberName[]

/** Four weeks of days to see, one to predict, and a tenth to measure the forecast on. */
const defaults = {
  ...{ target: [], features: [], gaps: 'refuse', window: 28, horizon: 7, validation: 0.1, test: 0.1 },
  ...{ cell: 'gru', hiddenSize: 32, numLayers: 1, epochs: 10, lr: 0.01, batchSize: 32, seed: 0 },
} as const satisfies SeriesSetup

/** The setup that is proposed for a table: its first column of numbers is forecast. */
export const setupFor = (columns: readonly SeriesColumn[]): SeriesSetup => ({
  ...defaults,
  target: [columns.find(({ kind }) => kind === 'number')!.name],
})

/** How the table of a setup is read, and the options of its training. */
export function partsOf(setup: SeriesSetup): { reading: SeriesReading; options: Pick<RunOptions, Trained> } {
  const { cell, hiddenSize, numLayers, epochs, lr, batchSize, seed, ...reading } = setup
  return { reading, options: { cell, hiddenSize, numLayers, epochs, lr, batchSize, seed } }
}

/** The parts of a setup that a model to begin with fixes. */
export const fixed = [
  ...(['target', 'features', 'dateColumn', 'seriesColumn', 'window', 'horizon', 'calendar'] as const),
  ...(['cell', 'hiddenSize', 'numLayers'] as const),
] as const satisfies readonly (keyof SeriesSetup)[]

/** The setup of a training, from how it read its table and from its options. */
export function setupOf(reading: SeriesReading, options: Partial<Pick<RunOptions, Trained>>): SeriesSetup {
  const { target, features = [], dateColumn, seriesColumn, gaps, window, horizon, calendar, validation, test } = reading
  const usual = partsOf(defaults).options
  const trained = Object.entries(usual).map(([name, value]) => [name, options[name as Trained] ?? value])
  return {
    ...{ target: [target].flat(), features, dateColumn, seriesColumn, gaps, calendar },
    ...{ window, horizon, validation, test, ...usual, ...Object.fromEntries(trained) },
  }
}

/** The parts of a setup that name columns. */
export type SeriesColumns = Pick<SeriesSetup, 'target' | 'features' | 'dateColumn' | 'seriesColumn'>

/** The columns that a setup names. */
export const columnsOf = ({ target, features, dateColumn, seriesColumn }: SeriesColumns): string[] => [
  ...new Set([...target, ...features, dateColumn, seriesColumn].filter((name) => name !== undefined)),
]

/** What a link says of a training on series; the table itself stays where it is. */
export interface SeriesLink {
  /** The name of the table's file. */
  table: string
  setup: SeriesSetup
}

/** A link's part after the question mark: the table's name, the columns, and what differs from `defaults`. */
export function queryOf(table: string, setup: SeriesSetup): URLSearchParams {
  const query = new URLSearchParams({ series: table })
  for (const name of setup.target) query.append('target', name)
  for (const name of setup.features) query.append('feature', name)
  // An empty one says that it knows nothing of dates.
  for (const name of setup.calendar ?? []) query.append('calendar', name)
  if (setup.calendar?.length === 0) query.append('calendar', '')
  for (const name of ['dateColumn', 'seriesColumn'] as const) {
    const column = setup[name]
    if (column !== undefined) query.set(name, column)
  }
  for (const name of [...numbers, 'cell', 'gaps'] as const) {
    if (setup[name] !== defaults[name]) query.set(name, String(setup[name]))
  }
  return query
}

/** The training on series that a link is of; undefined if it is none. What cannot be used is as in `defaults`. */
export function linked(query: URLSearchParams): SeriesLink | undefined {
  const [table, target] = [query.get('series'), query.getAll('target')]
  if (!table || target.length === 0) return undefined
  const found = numbers.map((name) => [name, numberOf(query.get(name) ?? '', ranges[name]) ?? defaults[name]])
  const calendar = query.getAll('calendar')
  const setup: SeriesSetup = {
    ...defaults,
    ...{ target: [...new Set(target)], features: query.getAll('feature').filter((name) => !target.includes(name)) },
    dateColumn: query.get('dateColumn') ?? undefined,
    seriesColumn: query.get('seriesColumn') ?? undefined,
    gaps: query.get('gaps') === 'interpolate' ? 'interpolate' : 'refuse',
    calendar: calendar.length > 0 ? calendarNames.filter((name) => calendar.includes(name)) : undefined,
    cell: kinds.cell.find((name) => name === query.get('cell')) ?? defaults.cell,
    ...Object.fromEntries(found),
  }
  return { table, setup }
}

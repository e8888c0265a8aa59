import { InvalidArgumentError, Option } from 'commander'
import { calendarNames } from '../config.js'
import type { DeviceName } from '../node.js'
import { number } from './command-line.js'

/** The options of a training on series of numbers, besides those that it shares with one on a text. */
export interface SeriesFlags {
  /** Names of columns, as `columnNames` reads them. */
  target?: string
  features?: string
  dateColumn?: string
  seriesColumn?: string
  window?: number
  horizon?: number
  calendar?: string[]
  season?: number
  gaps?: 'refuse' | 'interpolate'
}

/** The options of `forecast`. */
export interface ForecastFlags {
  steps?: number
  level: number
  holdOut: number
  out: string
  plot: string
  gaps?: 'refuse' | 'interpolate'
  device: DeviceName
  json?: boolean
}

const names = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')

export const gapsOption = (): Option =>
  new Option('--gaps <what>', 'what is done about missing times and values').choices(['refuse', 'interpolate'])

/** @throws InvalidArgumentError for a calendar that there is not */
function calendars(text: string): string[] {
  const given = text === 'none' ? [] : names(text)
  const known: readonly string[] = calendarNames
  if (given.every((name) => known.includes(name))) return given
  throw new InvalidArgumentError(`Expected none, or some of ${known.join(', ')}.`)
}

export const seriesOptions = (): Option[] =>
  [
    new Option(
      '--target <columns>',
      'train on series in a CSV file, to predict these columns; separate names by commas',
    ),
    new Option('--features <columns>', 'other columns that the model sees'),
    new Option('--window <n>', 'values that the model sees (default: 30)').argParser(number),
    new Option('--horizon <n>', 'values that it predicts at once (default: 1)').argParser(number),
    new Option(
      '--date-column <name>',
      'ISO dates (default: a column named date, time, timestamp, datetime, ds, data or the like)',
    ),
    new Option('--series-column <name>', 'which of several series a row belongs to'),
    new Option(
      '--calendar <names>',
      `what it knows of dates: ${calendarNames.join(', ')}, or none (default: what suits the step)`,
    ).argParser(calendars),
    new Option(
      '--season <n>',
      'values after which a pattern repeats, for baselines (default: 7 for days, …)',
    ).argParser(number),
    gapsOption(),
  ].map((option) => option.helpGroup('Series of numbers:'))

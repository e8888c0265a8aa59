import { Option } from 'commander'
import { calendarNames, OptionError } from '../config.js'
import type { DeviceName } from '../node.js'
import { number } from './command-line.js'
import { flagOf, type TrainingOptions } from './training-flags.js'

/** The options of a training on series of numbers, besides those that it shares with one on a text. */
export interface SeriesFlags {
  target?: string[]
  features?: string[]
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

export const seriesOptions = (): Option[] =>
  [
    new Option(
      '--target <columns>',
      'train on a CSV file, to predict these columns; separate names by commas',
    ).argParser(names),
    new Option('--features <columns>', 'other columns that the model sees').argParser(names),
    new Option('--window <n>', 'values that the model sees (default: 30)').argParser(number),
    new Option('--horizon <n>', 'values that it predicts at once (default: 1)').argParser(number),
    new Option('--date-column <name>', 'ISO dates (default: the column named date, time, timestamp, datetime or ds)'),
    new Option('--series-column <name>', 'which of several series a row belongs to'),
    new Option(
      '--calendar <names>',
      `what it knows of dates: ${calendarNames.join(', ')}, or none (default: what suits the step)`,
    ).argParser((text) => (text === 'none' ? [] : names(text))),
    new Option(
      '--season <n>',
      'values after which a pattern repeats, for baselines (default: 7 for days, …)',
    ).argParser(number),
    gapsOption(),
  ].map((option) => option.helpGroup('Series of numbers:'))

/** Options of a training that one on series has, too. */
const shared = [
  ...['cell', 'nonlinearity', 'hiddenSize', 'numLayers', 'dropout', 'layerNorm', 'batchSize', 'validation', 'test'],
  ...['epochs', 'lr', 'weightDecay', 'clip', 'seed', 'out', 'resume', 'checkpointSteps', 'checkpointMinutes'],
  ...['kernels', 'threads', 'device', 'json'],
]

const own = seriesOptions().map((option) => option.attributeName())

/**
 * @param said names of the options on the command line
 * @throws OptionError for one that has no effect on series, or only on series
 */
export function checkSeriesFlags({ target, resume }: TrainingOptions & SeriesFlags, said: readonly string[]): void {
  const ofSeries = said.filter((name) => own.includes(name))
  if (target === undefined && resume === undefined && ofSeries.length > 0) {
    const flag = flagOf(ofSeries[0])
    throw new OptionError(`train: ${flag} has no effect without --target; add that, or leave ${flag} out`)
  }
  const other = target === undefined ? undefined : said.find((name) => !shared.includes(name) && !own.includes(name))
  if (other !== undefined) {
    throw new OptionError(`train: ${flagOf(other)} has no effect with --target; leave it out`)
  }
}

import type { Option } from 'commander'
import { labelOptionNames, OptionError, seriesOptionNames } from '../config.js'
import { type LabelFlags, labelOptions } from './label-flags.js'
import { type SeriesFlags, seriesOptions } from './series-flags.js'
import { flagOf, type TrainingOptions } from './training-flags.js'

/** What a CSV file holds that the command trains on. */
export type TableName = 'series' | 'labels'

export type TableFlags = TrainingOptions & SeriesFlags & LabelFlags

/** The options of a training on a table that one on a text does not have. */
export const tableOptions = (): Option[] => [
  ...seriesOptions(),
  ...labelOptions().map((option) => option.helpGroup('Labelled texts:')),
]

const namesOf = (options: readonly Option[]): string[] => options.map((option) => option.attributeName())

/** What each kind of table adds to a training, and which of the other options it has. */
const kinds: Record<TableName, { own: readonly string[]; shared: readonly string[]; begins: string }> = {
  series: { own: namesOf(seriesOptions()), shared: seriesOptionNames, begins: '--target' },
  labels: {
    own: namesOf(labelOptions()),
    shared: [...labelOptionNames, 'tokens', 'maxTokens', 'clean'],
    begins: '--text-column and --label-column',
  },
}
const always = ['validation', 'test', 'out', 'resume', 'json']

/** What the flags say that a new training is on; undefined for a text. @throws OptionError if they say two things */
export function tableNamed({ target, textColumn, labelColumn }: TableFlags): TableName | undefined {
  const label = [textColumn !== undefined && '--text-column', labelColumn !== undefined && '--label-column']
  const given = label.find((flag) => flag !== false)
  if (target !== undefined && given !== undefined) {
    throw new OptionError(`train: ${given} contradicts --target, expected one of them; leave one out`)
  }
  if (target !== undefined) return 'series'
  return given === undefined ? undefined : 'labels'
}

/**
 * @param table what the training is on
 * @param said names of the options on the command line
 * @throws OptionError for one that has no effect on that
 */
export function checkTableFlags(table: TableName | undefined, said: readonly string[]): void {
  for (const [name, { own, begins }] of Object.entries(kinds)) {
    const foreign = name === table ? undefined : said.find((option) => own.includes(option))
    if (foreign === undefined) continue
    const flag = flagOf(foreign)
    throw new OptionError(`train: ${flag} has no effect without ${begins}; add that, or leave ${flag} out`)
  }
  if (table === undefined) return
  const { own, shared, begins } = kinds[table]
  const other = said.find((name) => ![...own, ...shared, ...always].includes(name))
  if (other === undefined) return
  throw new OptionError(`train: ${flagOf(other)} has no effect with ${begins}; leave it out`)
}

/** Those options on the command line that a run on such a table has. */
export const runOptionsIn = (table: TableName, options: TableFlags, said: readonly string[]) =>
  Object.fromEntries(
    kinds[table].shared
      .filter((name) => said.includes(name) && !['tokens', 'maxTokens', 'clean'].includes(name))
      .map((name) => [name, options[name as keyof TableFlags]]),
  )

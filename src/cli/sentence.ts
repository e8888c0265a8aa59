import type { Command } from 'commander'
import type { UnrolledError } from '../config.js'
import { tableOptions } from './table-flags.js'
import { flagOf } from './training-flags.js'

/** Options with different names in the command and the library. */
const flagNames: Record<string, string> = {
  stepSize: 'decayEvery',
  gamma: 'decay',
  factor: 'decay',
  warmupSteps: 'warmup',
  'validation.every': 'validateEvery',
  maxOrder: 'orders',
  allowUnknown: 'unknown',
}

/** What was decided in the training of a model on a table, for the commands that read the model. */
const ofTraining: ReadonlySet<string> = new Set(tableOptions().map((option) => option.attributeName()))

/**
 * Rewrites an error of the library for the command: the command's name replaces the function's, and its flags replace
 * the options that the error names.
 * @param functions names of the library's functions and classes
 * @param args the arguments of the command line; a folder that has the name of a function keeps it
 */
export function sentenceOf(
  { message, options }: UnrolledError,
  command: Command,
  functions: ReadonlySet<string>,
  args: readonly string[],
): string {
  let text = message
  for (const name of options) {
    const wanted = flagNames[name] ?? name
    const own = command.options.find((option) => option.attributeName() === wanted)?.long
    const flag = own ?? (ofTraining.has(wanted) ? `${flagOf(wanted)} of train` : undefined)
    // Not within the name of a file, such as gaps.csv.
    if (flag) text = text.replace(new RegExp(`(?<![-./\\w])${name.replace('.', '\\.')}(?![/\\w]|\\.\\w)`), flag)
  }
  text = text.replace(/^(\S+)(: a training .* go on with) it \(resumeRun\)/, '$1$2 --resume $1')
  const [where, name] = /^(\w+)(?:\.\w+)?(?=: )/.exec(text) ?? []
  if (where === undefined || !functions.has(name) || args.includes(where)) return text
  return `${command.name()}${text.slice(where.length)}`
}

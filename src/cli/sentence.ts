import type { Command } from 'commander'
import type { UnrolledError } from '../config.js'

/** Options that the command calls otherwise than the library. */
const flagNames: Record<string, string> = {
  stepSize: 'decayEvery',
  gamma: 'decay',
  factor: 'decay',
  warmupSteps: 'warmup',
  'validation.every': 'validateEvery',
  maxOrder: 'orders',
  allowUnknown: 'unknown',
}

/**
 * What an error of the library says, in the words of the command that ran: its name in the place of the function's,
 * and its flags in the place of the options that the error names.
 * @param functions names of the library's functions and classes
 * @param args of the command line: a folder of a function's name keeps its name
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
    const flag = command.options.find((option) => option.attributeName() === wanted)?.long
    if (flag) text = text.replace(new RegExp(`(?<![-\\w])${name.replace('.', '\\.')}(?!\\w)`), flag)
  }
  text = text.replace(/^(\S+)(: a training .* go on with) it \(resumeRun\)/, '$1$2 --resume $1')
  const [where, name] = /^(\w+)(?:\.\w+)?(?=: )/.exec(text) ?? []
  if (where === undefined || !functions.has(name) || args.includes(where)) return text
  return `${command.name()}${text.slice(where.length)}`
}

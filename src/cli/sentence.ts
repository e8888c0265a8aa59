import type { Command } from 'commander'
import type { UnrolledError } from '../config.js'

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
    const flag = flagIn(command, wanted) ?? flagOfTraining(command, wanted)
    if (flag) text = text.replace(new RegExp(`(?<![-\\w])${name.replace('.', '\\.')}(?!\\w)`), flag)
  }
  text = text.replace(/^(\S+)(: a training .* go on with) it \(resumeRun\)/, '$1$2 --resume $1')
  const [where, name] = /^(\w+)(?:\.\w+)?(?=: )/.exec(text) ?? []
  if (where === undefined || !functions.has(name) || args.includes(where)) return text
  return `${command.name()}${text.slice(where.length)}`
}

const flagIn = ({ options }: Command, name: string) => options.find((option) => option.attributeName() === name)?.long

/** What was decided in the training of the model that a command reads. */
function flagOfTraining({ parent }: Command, name: string): string | undefined {
  const train = parent?.commands.find((command) => command.name() === 'train')
  const flag = train && flagIn(train, name)
  return flag && `${flag} of train`
}

import { OptionError } from '../config.js'
import { flagOf } from './training-flags.js'

/**
 * What an option needs beside it to have an effect, where that is missing; of options that always have one, nothing
 * is listed.
 */
export type Needs<T> = { readonly [name in keyof T]?: (options: T) => string | false }

/**
 * @param said names of the options on the command line; one that has the value which it has by default may stand there
 * @throws OptionError for one that would change nothing
 */
export function checkEffects<T extends object>(
  command: string,
  options: T,
  said: readonly string[],
  needs: Needs<T>,
  defaults: Readonly<Record<string, unknown>>,
): void {
  for (const name of said as readonly (keyof T & string)[]) {
    const need = options[name] !== defaults[name] && needs[name]?.(options)
    if (!need) continue
    const flag = flagOf(name)
    throw new OptionError(`${command}: ${flag} has no effect without ${need}; add that, or leave ${flag} out`)
  }
}

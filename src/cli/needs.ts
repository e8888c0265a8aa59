import { OptionError } from '../config.js'
import { flagOf } from './training-flags.js'

/**
 * For each option, what it needs to have an effect, if that is missing. Options that always have an effect are not
 * listed.
 */
export type Needs<T> = { readonly [name in keyof T]?: (options: T) => string | false }

/**
 * @param said names of the options on the command line; one that has its default value is accepted
 * @throws OptionError for an option that would have no effect
 */
export function checkFlagEffects<T extends object>(
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

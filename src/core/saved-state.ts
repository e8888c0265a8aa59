import { shown } from './check.js'
import { describe } from './describe.js'
import { FormatError } from './errors.js'

// The reasons why a saved state cannot be loaded, as sentences, so that one message can list them all.

/** The names in `own` that `given` lacks, and those in `given` that are not in `own`. */
export function nameProblems(own: Iterable<string>, given: object): string[] {
  const names = new Set(own)
  return [
    ...[...names].filter((name) => !Object.hasOwn(given, name)).map((name) => `${name} is missing`),
    ...Object.keys(given)
      .filter((name) => !names.has(name))
      .map((name) => `${name} is unknown`),
  ]
}

/** The same for numbers by name, which must also be finite and not below `min`. */
export function numberProblems(
  own: Readonly<Record<string, number>>,
  given: Readonly<Record<string, number>>,
  min = 0,
): string[] {
  const wrong = Object.keys(own).filter(
    (name) => Object.hasOwn(given, name) && !(Number.isFinite(given[name]) && given[name] >= min),
  )
  const expected = min === 0 ? 'a number of 0 or more' : 'a number'
  return [
    ...nameProblems(Object.keys(own), given),
    ...wrong.map((name) => `${name} is ${shown(given[name])}, expected ${expected}`),
  ]
}

/**
 * Throws a FormatError unless a saved state has these parts, each an object.
 * @param where the function that the user called
 * @param saving the method that returns such a state
 */
export function checkParts(where: string, state: unknown, names: readonly string[], saving: string): void {
  const parts = Object(state) as Record<string, unknown>
  if (names.every((name) => typeof parts[name] === 'object' && parts[name] !== null)) return
  throw new FormatError(
    `${where}: the state is ${describe(state)}, expected { ${names.join(', ')} }, as ${saving}() returns it`,
  )
}

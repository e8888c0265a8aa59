import { describe } from './describe.js'
import { OptionError } from './errors.js'

/** The kind of values that `checkOptions` accepts. Functions check their options of the kind 'any' themselves. */
type KindOf<Value> = [Value] extends [boolean]
  ? 'boolean'
  : [Value] extends [(...values: never[]) => unknown]
    ? 'function'
    : [Value] extends [AbortSignal]
      ? 'signal'
      : [Value] extends [{ bits(): number }]
        ? 'generator'
        : 'any'

/** The names of all options of a type, with the kinds of their values. Leaving one out does not compile. */
export type OptionKinds<Options> = { readonly [Name in keyof Options]-?: KindOf<NonNullable<Options[Name]>> }

const has = (value: unknown, name: string): boolean => typeof value === 'object' && value !== null && name in value

type Kind = 'boolean' | 'function' | 'signal' | 'generator' | 'any'

const kinds: Record<Kind, { expected: string; fits: (value: unknown) => boolean }> = {
  boolean: { expected: 'true or false', fits: (value) => typeof value === 'boolean' },
  function: { expected: 'a function', fits: (value) => typeof value === 'function' },
  signal: { expected: 'an AbortSignal', fits: (value) => has(value, 'throwIfAborted') },
  generator: { expected: 'a Generator', fits: (value) => has(value, 'bits') },
  any: { expected: 'any value', fits: () => true },
}

/**
 * Checks the object of options that a user passed to `where`, so that a misspelt name does not silently do nothing. An
 * option that is undefined counts as left out.
 * @param names the known options
 * @param elsewhere for options that only similar functions have: why this one lacks them
 * @throws OptionError for anything but an object, for a promise, which was to be awaited, for a name that is not in `names`,
 *   or for a value of the wrong kind
 */
export function checkOptions(
  where: string,
  options: unknown,
  names: Readonly<Record<string, Kind>>,
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options) || 'then' in options) {
    const some = Object.keys(names).slice(0, 3).join(', ')
    throw new OptionError(
      `${where}: the options argument is ${describe(options)}, expected an object such as { ${some} }`,
    )
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (!Object.hasOwn(names, name)) {
      throw new OptionError(
        `${where}: there is no option ${name}${elsewhere[name] ?? hint(name, Object.keys(names))}`,
        [name],
      )
    }
    const { expected, fits } = kinds[names[name]]
    if (!fits(value)) throw new OptionError(`${where}: ${name} is ${describe(value)}, expected ${expected}`, [name])
  }
}

/** The most similar name, or else the only one that contains it (`hidden` in `hiddenSize`), or else all of them. */
function hint(name: string, names: readonly string[]): string {
  const distances = names.map((right) => distance(plain(name), plain(right)))
  const least = Math.min(...distances)
  const nearest = names[distances.indexOf(least)]
  if (least <= Math.max(1, nearest.length / 3)) return `, did you mean ${nearest}?`
  const longer = name.length < 4 ? [] : names.filter((right) => plain(right).includes(plain(name)))
  return longer.length === 1 ? `, did you mean ${longer[0]}?` : `, expected one of ${names.join(', ')}`
}

/** `hidden_size` and `HiddenSize` are spellings of `hiddenSize`. */
const plain = (name: string): string => name.replaceAll('_', '').toLowerCase()

/** How many characters must be added, left out or replaced to make `a` into `b` (Levenshtein 1966). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(row[j] + Number(a[i] !== b[j]), row[j + 1] + 1, next[j] + 1))
    }
    row = next
  }
  return row[b.length]
}

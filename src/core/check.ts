import { describe } from './describe.js'
import { DataError, OptionError } from './errors.js'

/** A wrong value as messages show it: a bare number in `lr is 2`, unlike the string in `lr is the string '2'`. */
export const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : describe(value))

/** Throws an OptionError unless `value` is a whole number within [min, max]. */
export function checkWhole(where: string, name: string, value: unknown, min = 1, max = Infinity): void {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
    const range = max === Infinity ? `of ${min} or more` : `from ${min} to ${max}`
    throw new OptionError(`${where}: ${name} is ${shown(value)}, expected a whole number ${range}`, [name])
  }
}

/** Throws an OptionError unless `value` is a finite number within [min, max]. */
export function checkNumber(where: string, name: string, value: unknown, min: number, max = Infinity): void {
  const ok = typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max
  if (!ok) {
    const below = max === Infinity ? `a number of ${min} or more` : `a number from ${min} to ${max}`
    const range = min === -Infinity ? 'a finite number' : below
    throw new OptionError(`${where}: ${name} is ${shown(value)}, expected ${range}`, [name])
  }
}

/** Throws an OptionError unless `value` is one of `words`. */
export function checkWord<T extends string>(where: string, name: string, value: unknown, words: readonly T[]): void {
  if (!words.includes(value as T)) {
    const expected = words.map((word) => `'${word}'`).join(', ')
    const given = typeof value === 'string' ? `'${value}'` : describe(value)
    throw new OptionError(`${where}: ${name} is ${given}, expected one of ${expected}`, [name])
  }
}

/** Throws an OptionError unless an argument `fits`; the message says what was passed and what was expected. */
export function checkArgument(where: string, name: string, value: unknown, fits: boolean, expected: string): void {
  if (!fits) throw new OptionError(`${where}: ${name} is ${describe(value)}, expected ${expected}`)
}

/** Throws an OptionError unless a value is a string. */
export const checkString = (where: string, name: string, value: unknown): void =>
  checkArgument(where, name, value, typeof value === 'string', 'a string')

/** Throws an OptionError unless a value is an array of strings. */
export function checkStrings(where: string, name: string, value: unknown): void {
  checkArgument(where, name, value, Array.isArray(value), 'an array of strings')
  const items = value as readonly unknown[]
  const wrong = items.findIndex((item) => typeof item !== 'string')
  if (wrong >= 0) checkString(where, `${name}[${wrong}]`, items[wrong])
}

/** Throws an OptionError unless a value is iterable, as an array is. @param of what it should be, for the message */
export function checkIterable(where: string, name: string, value: unknown, of: string): void {
  const fits = typeof value === 'string' || (typeof value === 'object' && value !== null && Symbol.iterator in value)
  checkArgument(where, name, value, fits, of)
}

/** Throws an OptionError unless a value has these methods. @param expected what it should be, for the message */
export function checkMethods(
  where: string,
  name: string,
  value: unknown,
  methods: readonly string[],
  expected: string,
): void {
  const fits = methods.every((method) => typeof (value as Record<string, unknown> | null)?.[method] === 'function')
  checkArgument(where, name, value, fits, expected)
}

/** Throws a DataError unless a trained model's loss is finite. @param option the caller's name for the learning rate */
export function checkLoss(where: string, loss: number, option = 'lr'): void {
  if (!Number.isFinite(loss)) {
    throw new DataError(
      `${where}: the loss is ${loss}, expected a model whose scores 32-bit floats can hold; it diverged: train it again with a smaller ${option}`,
    )
  }
}

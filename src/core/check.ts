import { describe } from './describe.js'
import { DataError, OptionError } from './errors.js'

/** A wrong value in a message: numbers as they are, so that `lr is 2` is not `lr is the string '2'`. */
const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : describe(value))

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
    const range = max === Infinity ? `a number of ${min} or more` : `a number from ${min} to ${max}`
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

/** Throws a DataError unless a trained model's loss is finite. @param option what the learning rate is called there */
export function checkLoss(where: string, loss: number, option = 'lr'): void {
  if (!Number.isFinite(loss)) {
    throw new DataError(
      `${where}: the loss is ${loss}, expected a model whose scores 32-bit floats can hold; it diverged: train it again with a smaller ${option}`,
    )
  }
}

import { FormatError } from './errors.js'

/*
 * Checks of values that a file holds. A schema is a function: it returns the value, or throws a FormatError that says
 * which field is wrong, what it is, and what was expected. This file is smaller in a page than a schema library,
 * bundled with only what is used: see LOG.md.
 */

/**
 * @param where the file's name, for messages
 * @param name the value's name in the file, for messages; '' for the whole file
 */
export type Schema<T> = (value: unknown, where: string, name?: string) => T

/** What a schema returns. */
export type Parsed<S> = S extends Schema<infer T> ? T : never

const jsonShown = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return 'Array'
  return typeof value === 'object' && value !== null ? 'Object' : String(value)
}

/** A schema of the values for which a predicate is true. @param expected what they are, for messages */
export const fitting =
  <T>(expected: string, fits: (value: unknown) => boolean): Schema<T> =>
  (value, where, name) => {
    if (fits(value)) return value as T
    throw new FormatError(`${where}: ${name || 'the value'} is ${jsonShown(value)}, expected ${expected}`)
  }

export const string = fitting<string>('string', (value) => typeof value === 'string')
export const boolean = fitting<boolean>('boolean', (value) => typeof value === 'boolean')
export const finite = fitting<number>('number', Number.isFinite)

/** Whole numbers of `least` or more. */
export const whole = (least: number): Schema<number> =>
  fitting(`a whole number of ${least} or more`, (value) => Number.isSafeInteger(value) && (value as number) >= least)

/** One of some strings or numbers. */
export const oneOf = <const T extends string | number>(...words: readonly T[]): Schema<T> =>
  fitting(words.length === 1 ? jsonShown(words[0]) : `(${words.map(jsonShown).join(' | ')})`, (value) =>
    words.includes(value as T),
  )

/** A schema that also accepts undefined. */
export const optional =
  <T>(schema: Schema<T>): Schema<T | undefined> =>
  (value, where, name) =>
    value === undefined ? undefined : schema(value, where, name)

const within = (name: string | undefined, key: string | number) => (name ? `${name}.${key}` : String(key))

export const array =
  <T>(schema: Schema<T>): Schema<T[]> =>
  (value, where, name) => {
    const items = fitting<unknown[]>('Array', Array.isArray)(value, where, name)
    return items.map((item, i) => schema(item, where, within(name, i)))
  }

const anyObject = fitting<Record<string, unknown>>('Object', (value) => jsonShown(value) === 'Object')

/** Objects with these fields. Other fields must fit `rest`; without `rest`, they are dropped. */
export const object =
  <T>(fields: { [Name in keyof T]: Schema<T[Name]> }, rest?: Schema<T[keyof T]>): Schema<T> =>
  (value, where, name) => {
    const given = anyObject(value, where, name)
    const others = Object.keys(rest ? given : {}).filter((key) => !Object.hasOwn(fields, key))
    const entries = [
      ...Object.entries<Schema<unknown>>(fields).map(([key, schema]) => [key, schema] as const),
      ...others.map((key) => [key, rest!] as const),
    ].map(([key, schema]) => [key, schema(given[key], where, within(name, key))])
    return Object.fromEntries(entries.filter(([, field]) => field !== undefined))
  }

/** Objects with fields of any names, whose values all fit one schema. */
export const record = <T>(schema: Schema<T>): Schema<Record<string, T>> => object({}, schema)

/** The `rest` of objects that may have no other fields. */
export const unknownKey: Schema<never> = (_, where, name) => {
  throw new FormatError(
    `${where}: there is a key '${name}', which this version does not know; it may come from a newer version`,
  )
}

/**
 * A value as one line of JSON, without any null: a number that JSON cannot hold is left out, as is what is not known,
 * so that nobody reads null where a number is expected.
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (part === null || isBeyondJson(part) ? undefined : part))

const isBeyondJson = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value)

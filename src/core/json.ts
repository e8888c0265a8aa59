/**
 * A value as one line of JSON, without any null: unknown values and numbers that JSON cannot hold are left out, so that
 * nobody reads null where a number is expected.
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (part === null || isBeyondJson(part) ? undefined : part))

const isBeyondJson = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value)

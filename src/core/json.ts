/**
 * A value as one line of JSON. JSON has no Infinity and no NaN: a number that is not finite is left out, so that
 * nobody reads null where a number is expected.
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (part === null || isInfinite(part) ? undefined : part))

const isInfinite = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value)

/**
 * A value as one line of JSON, without any null: unknown values and numbers that JSON cannot hold are left out, so that
 * nobody reads null where a number is expected.
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (part === null || isBeyondJson(part) ? undefined : part))

const isBeyondJson = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value)

/**
 * The value of a JSON text, which may begin with a byte order mark, as some Windows programs write it.
 * @param fail throws the error of a text that is not JSON
 */
export function fromJson(text: string, fail: () => never): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    return fail()
  }
}

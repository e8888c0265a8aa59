import * as v from 'valibot'
import { FormatError } from './errors.js'

/**
 * What a schema makes of a value that a file holds.
 * @param where the file's name, for messages
 * @param what the value's name in the file, for messages
 * @throws FormatError that says which field is wrong, what it is, and what was expected, or which key is unknown to a
 *   strict schema
 */
export function parseAs<T extends v.GenericSchema>(
  schema: T,
  value: unknown,
  where: string,
  what = '',
): v.InferOutput<T> {
  const { success, output, issues } = v.safeParse(schema, value)
  if (success) return output
  const [issue] = issues
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const key = [what, v.getDotPath(issue)].filter(Boolean).join('.')
    throw new FormatError(
      `${where}: there is a key '${key}', which this version does not know; it may come from a newer version`,
    )
  }
  const name = [what, v.getDotPath(issue)].filter(Boolean).join('.') || 'the value'
  const problem = issue.expected ? `is ${issue.received}, expected ${issue.expected}` : `is wrong: ${issue.message}`
  throw new FormatError(`${where}: ${name} ${problem}`)
}

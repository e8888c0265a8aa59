import { describe } from '../core/describe.js'
import { OptionError } from '../core/errors.js'

/**
 * Checks a path that a user gave, so that the error is ours rather than Node's.
 * @param where the function that the user called
 * @param name what the path leads to, such as 'the folder'
 * @throws OptionError for anything but a string with at least one character
 */
export function checkPath(where: string, name: string, path: unknown): asserts path is string {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return
  throw new OptionError(
    `${where}: ${name} is ${path === '' ? 'an empty string' : describe(path)}, expected a path as a string`,
  )
}

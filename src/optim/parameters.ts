import { describe } from '../core/describe.js'
import { OptionError } from '../core/errors.js'

/** The parameters that a user passed, as an array. @throws OptionError for anything not iterable, such as a module */
export function listOf<T>(where: string, parameters: Iterable<T>): T[] {
  const given: unknown = parameters
  if (typeof given !== 'object' || given === null || !(Symbol.iterator in given)) {
    throw new OptionError(
      `${where}: the parameters are ${describe(given)}, expected tensors, such as model.parameters()`,
    )
  }
  return [...parameters]
}

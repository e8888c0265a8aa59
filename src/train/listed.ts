import { notListed, reachedWith } from '../tensor/listings.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * Checks after a backward pass that the loss came from the parameters of a model alone.
 * @param where the function that the user called
 * @throws OptionError where the loss came from parameters that the model does not list, as in private fields
 */
export function checkListed(where: string, parameters: readonly Tensor[]): void {
  const known = new Set(parameters)
  const hidden = [...reachedWith(known)].find((leaf) => !known.has(leaf as Tensor))
  if (hidden) throw notListed(where, hidden, 'it')
}

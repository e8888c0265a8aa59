import { notListed, reachedWith } from '../tensor/listings.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * Checks after a backward pass that the loss depends on no other parameters than a model's.
 * @param where the function that the user called
 * @throws OptionError if the loss depends on parameters that the model does not list, such as those in private fields
 */
export function checkListed(where: string, parameters: readonly Tensor[]): void {
  const known = new Set(parameters)
  const hidden = [...reachedWith(known)].find((leaf) => !known.has(leaf as Tensor))
  if (hidden) throw notListed(where, hidden, 'it')
}

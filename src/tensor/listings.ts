import { OptionError } from '../core/errors.js'
import { formatShape, type Shape } from '../core/shape.js'

/** The part of a tensor that this file uses. */
interface Leaf {
  readonly requiresGrad: boolean
  readonly shape: Shape
}

/**
 * Who has listed a layer's parameter: no module and no optimizer ('never'), only its own layer ('alone'), or a model
 * that listed it together with those of other layers ('by a model').
 */
type Listing = 'never' | 'alone' | 'by a model'

const listings = new WeakMap<Leaf, Listing>()
const companions = new WeakMap<Leaf, readonly Leaf[]>()

/** Layers report each parameter that they make. */
export const noteMade = (parameter: Leaf): void => void listings.set(parameter, 'never')

/** Modules and optimizers report the parameters that they list or take. @param byModel whether the module has parts */
export function noteListed(parameters: Iterable<Leaf>, byModel: boolean): void {
  for (const parameter of parameters) {
    if (byModel || listings.get(parameter) !== 'by a model') listings.set(parameter, byModel ? 'by a model' : 'alone')
  }
}

/** `backward()` reports all leaves to whose gradients it added. */
export function noteReached(leaves: readonly Leaf[]): void {
  for (const leaf of leaves) companions.set(leaf, leaves)
}

/** All leaves that a backward pass reached, for the last pass that reached each of these parameters. */
export function reachedWith(parameters: Iterable<Leaf>): Set<Leaf> {
  // The leaves of one `backward()` share one list, which is walked once: a deep model has thousands of them.
  const lists = new Set(Array.from(parameters, (parameter) => companions.get(parameter) ?? []))
  return new Set([...lists].flat())
}

/** The error for a model that does not list a parameter. @param what what to put into a field that the model can see */
export const notListed = (where: string, { shape }: Leaf, what: string): OptionError =>
  new OptionError(
    `${where}: the model has a parameter of the shape ${formatShape(shape)} that its parameters() do not list, so it is neither trained nor saved; put ${what} into a field that is not private (#name), or freeze it with requiresGrad_(false)`,
  )

/**
 * Refuses the parameters of a model if a `backward()` that reached some of them also reached a layer's parameter that
 * nobody lists. Such a layer is in a private field, which the model's `parameters()` cannot see, so it would be neither
 * trained nor saved. Layers that are used by themselves, and models that are trained in part, are not refused.
 * @param where the function that the user called
 * @throws OptionError that says what to do
 */
export function checkNoneHidden(where: string, parameters: readonly Leaf[]): void {
  const listed = parameters.filter((parameter) => listings.get(parameter) === 'by a model')
  const hidden = [...reachedWith(listed)].find((leaf) => leaf.requiresGrad && listings.get(leaf) === 'never')
  if (hidden) throw notListed(where, hidden, 'the module that holds it')
}

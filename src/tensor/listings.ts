import { OptionError } from '../core/errors.js'
import { formatShape, type Shape } from '../core/shape.js'

/** What is looked at of a tensor here. */
interface Leaf {
  readonly requiresGrad: boolean
  readonly shape: Shape
}

/**
 * What is known of a layer's parameter: no module has listed it among its parameters, and no optimizer has it
 * ('never'); it was listed by its layer alone; or it was listed together with those of other layers, by their model.
 */
type Listing = 'never' | 'alone' | 'by a model'

const listings = new WeakMap<Leaf, Listing>()
const companions = new WeakMap<Leaf, readonly Leaf[]>()

/** To be told of each parameter that a layer makes. */
export const noteMade = (parameter: Leaf): void => void listings.set(parameter, 'never')

/** To be told of parameters that a module lists or an optimizer takes. @param byModel whether the module has parts */
export function noteListed(parameters: Iterable<Leaf>, byModel: boolean): void {
  for (const parameter of parameters) {
    if (byModel || listings.get(parameter) !== 'by a model') listings.set(parameter, byModel ? 'by a model' : 'alone')
  }
}

/** To be told of all leaves to whose gradients a `backward()` added. */
export function noteReached(leaves: readonly Leaf[]): void {
  for (const leaf of leaves) companions.set(leaf, leaves)
}

/** All leaves to whose gradients the last `backward()` added that reached one of these. */
export function reachedWith(parameters: Iterable<Leaf>): Set<Leaf> {
  // The leaves of one `backward()` share one list, which is walked once: a deep model has thousands of them.
  const lists = new Set(Array.from(parameters, (parameter) => companions.get(parameter) ?? []))
  return new Set([...lists].flat())
}

/** The error of a model that does not list a parameter. @param what is to be put where the model can see it */
export const notListed = (where: string, { shape }: Leaf, what: string): OptionError =>
  new OptionError(
    `${where}: the model has a parameter of the shape ${formatShape(shape)} that its parameters() do not list, so it is neither trained nor saved; put ${what} into a field that is not private (#name), or freeze it with requiresGrad_(false)`,
  )

/**
 * Refuses the parameters of a model where a `backward()` reached, together with some of them, a layer's parameter that
 * nobody lists: one in a private field, which the model's `parameters()` cannot see, so that it would be neither trained
 * nor saved. Layers that are used by themselves, and models of which a part is trained, have none.
 * @param where the function that the user called
 * @throws OptionError that says what to do
 */
export function checkNoneHidden(where: string, parameters: readonly Leaf[]): void {
  const listed = parameters.filter((parameter) => listings.get(parameter) === 'by a model')
  const hidden = [...reachedWith(listed)].find((leaf) => leaf.requiresGrad && listings.get(leaf) === 'never')
  if (hidden) throw notListed(where, hidden, 'the module that holds it')
}

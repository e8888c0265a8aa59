import { formatShape, type Shape, sameShape } from '../core/shape.js'
import { nameProblems } from '../core/state.js'
import type { Tensor } from './tensor.js'

/** What keeps `given` from being taken over into the float tensors `own`: names, shapes, kinds of values. */
export function tensorProblems(
  own: ReadonlyMap<string, { shape: Shape }>,
  given: Readonly<Record<string, Tensor>>,
): string[] {
  const problems = nameProblems(own.keys(), given)
  for (const [name, { shape }] of own) {
    if (!Object.hasOwn(given, name)) continue
    const { shape: found, dtype } = given[name]
    if (!sameShape(found, shape)) {
      problems.push(`${name} has the shape ${formatShape(found)}, expected ${formatShape(shape)}`)
    } else if (dtype !== 'float') {
      problems.push(`${name} holds whole numbers, expected floats`)
    }
  }
  return problems
}

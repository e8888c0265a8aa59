import { type CellKind, cells } from '../device/cells.js'
import type { CellWeights } from '../device/device.js'
import { layerNorm, linear, split } from '../tensor/functions.js'
import type { Tensor } from '../tensor/tensor.js'
import { equations } from './equations.js'
import type { StateParts } from './recurrent-state.js'

/**
 * One time step of a cell by its equations, as operations on tensors, which have gradients.
 * @param input features [batch, inputSize], or tokens [batch], which stand for one-hot rows
 */
export function cellStep(
  kind: CellKind,
  { weightIh, weightHh, biasIh, biasHh, gainIh, gainHh, gainC, biasC }: CellWeights<Tensor>,
  input: Tensor,
  before: StateParts,
): StateParts {
  const hiddenSize = weightHh.shape[1]
  const { groups } = cells[kind]
  const sizes = groups.map((gates) => gates * hiddenSize)
  /** A matrix or a vector of all gates, as one for each group of gates that the equations use together. */
  const grouped = (gates: Tensor) => (groups.length === 1 ? [gates] : split(gates, sizes, -1))
  const sums = (product: Tensor, bias: Tensor | undefined, gain: Tensor | undefined) => {
    const [biases, gains] = [bias && grouped(bias), gain && grouped(gain)]
    return grouped(product).map((part, i) => {
      if (gains) return layerNorm(part, gains[i], biases?.[i])
      return biases ? part.add(biases[i]) : part
    })
  }
  const ofInput = input.dtype === 'int32' ? weightIh.T.gatherRows(input) : linear(input, weightIh)
  const a = sums(ofInput, biasIh, gainIh)
  const u = sums(linear(before.h, weightHh), biasHh, gainHh)
  return equations[kind](a, u, before, {
    gates: (all, count) => split(all, Array<number>(count).fill(hiddenSize), -1),
    norm: (c) => (gainC ? layerNorm(c, gainC, biasC) : c),
  })
}

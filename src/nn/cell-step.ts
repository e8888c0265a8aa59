import { cells } from '../device/cells.js'
import type { CellWeights } from '../device/device.js'
import { concatenate, layerNorm, linear, split, stack } from '../tensor/functions.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Walk } from './cell-weights.js'
import { type EquationName, equations } from './equations.js'
import { type StateParts, zeroState } from './recurrent-state.js'
import { StepRows } from './step-rows.js'

/** A cell with its weights, as operations on tensors, which have gradients. */
export interface CellSteps {
  /**
   * What the input adds to the gates, for each group of gates that the equations use together.
   * @param input features […, inputSize], or tokens […], which stand for one-hot rows
   */
  inputSums(input: Tensor): Tensor[]
  /** One time step. @param a `inputSums` of the step, [batch, gates of the group × hiddenSize] each */
  step(a: readonly Tensor[], before: StateParts): StateParts
}

/** The cell of these weights by its equations. */
export function cellSteps(equation: EquationName, weights: CellWeights<Tensor>): CellSteps {
  const { weightIh, weightHh, biasIh, biasHh, gainIh, gainHh, gainC, biasC, weightCh } = weights
  const resetBefore = equation === 'gru_reset_before'
  const { groups, gates: names } = cells[resetBefore ? 'gru' : equation]
  // What a cell reads as h may be the projection of h.
  const hiddenSize = weightHh.shape[0] / names.length
  const sizes = groups.map((gates) => gates * hiddenSize)
  /** The gates of a matrix or a vector, as one for each group of gates that the equations use together. */
  const grouped = (gates: Tensor, axis: number): Tensor[] => (groups.length === 1 ? [gates] : split(gates, sizes, axis))
  const sums = (products: readonly Tensor[], bias: Tensor | undefined, gain: Tensor | undefined): Tensor[] => {
    const [biases, gains] = [bias && grouped(bias, 0), gain && grouped(gain, 0)]
    return products.map((part, i) => {
      if (gains) return layerNorm(part, gains[i], biases?.[i])
      return biases ? part.add(biases[i]) : part
    })
  }
  // Otherwise one product serves all groups.
  const apart = resetBefore ? { weights: grouped(weightHh, 0), biases: biasHh && grouped(biasHh, 0) } : undefined
  const product = (group: number, state: Tensor): Tensor => linear(state, apart!.weights[group], apart!.biases?.[group])
  const peepholes = weightCh && split(weightCh, hiddenSize)
  return {
    inputSums: (input) => {
      const products = input.dtype === 'int32' ? weightIh.T.gatherRows(input) : linear(input, weightIh)
      return sums(grouped(products, -1), biasIh, gainIh)
    },
    step: (a, before) => {
      const u = apart ? [product(0, before.h)] : sums(grouped(linear(before.h, weightHh), -1), biasHh, gainHh)
      return equations[equation](a, u, before, {
        gates: (all, count) => split(all, Array<number>(count).fill(hiddenSize), -1),
        norm: (c) => (gainC ? layerNorm(c, gainC, biasC) : c),
        product,
        peep: (sums, gate, c) => (peepholes ? sums.add(peepholes[gate].mul(c)) : sums),
      })
    },
  }
}

/**
 * `recurrentLayer` for a GRU that resets the state before its product with the weights, which the kernels do not have: step by
 * step, as operations on tensors.
 */
export const steppedLayer: Walk = (sizes, { head, ...weights }, input, h0) => {
  const { cell, numSteps, batchSize, hiddenSize, reverse, lengths } = sizes
  const { inputSums, step } = cellSteps('gru_reset_before', weights)
  const scores = (h: Tensor) => (head ? linear(h, head.weight, head.bias) : h)
  const states: Tensor[] = []
  let h = h0 ?? zeroState(cell, [batchSize], { hiddenSize }, weights.weightHh.device).h
  const rows = lengths && new StepRows(lengths, numSteps)
  const sums = inputSums(rows ? rows.of(input) : input)
  const longest = lengths ? Math.max(...lengths) : numSteps
  for (let i = 0; i < longest; i++) {
    const t = reverse ? longest - 1 - i : i
    const a = sums.map((group) => rows?.at(group, t) ?? group.select(0, t))
    const next = step(a, { h: rows?.before(h, t) ?? h }).h
    h = rows?.after(h, next, t) ?? next
    states[t] = next
  }
  return { output: rows ? rows.padded(scores(concatenate(states))) : scores(stack(states, 0)), hn: h }
}

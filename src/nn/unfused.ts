import { type CellKind, cells } from '../device/cells.js'
import type { RecurrentSizes } from '../device/device.js'
import { layerNorm, linear, split, stack } from '../tensor/functions.js'
import type { LayerWeights } from '../tensor/recurrent.js'
import type { Tensor } from '../tensor/tensor.js'
import { type StateParts, zeroState } from './recurrent-state.js'

/**
 * What the input or the hidden state adds to the gates: one tensor for each group of gates that the equations use
 * together, [batch, gates of the group × hiddenSize].
 */
export type Sums = readonly Tensor[]

/**
 * The equations of one time step of a cell.
 * @param norm applies layer normalization to c if the cell has it, or else returns c
 */
export type CellStep = (a: Sums, u: Sums, before: StateParts, norm: (c: Tensor) => Tensor) => StateParts

/** Splits sums into `count` gates that lie side by side, [batch, hiddenSize] each. */
export const gatesIn = (sums: Tensor, count: number): Tensor[] => split(sums, sums.shape[1] / count, 1)

/**
 * PyTorch's weights of a cell, and its weights of layer normalization, if any (Ba, Kiros & Hinton 2016, supplement):
 * each LN(x) has a gain, [gates × hiddenSize], or [hiddenSize] for c. Those of the products use b_ih and b_hh as their
 * biases.
 */
export interface CellWeights extends LayerWeights {
  gainIh?: Tensor
  gainHh?: Tensor
  gainC?: Tensor
  biasC?: Tensor
}

/** A cell with its weights, computed by tensor operations where there is no fused kernel. */
export class UnfusedCell {
  readonly #gainsIh: Sums | undefined
  readonly #gainsHh: Sums | undefined
  readonly #biasesIh: Sums | undefined
  readonly #biasesHh: Sums | undefined

  constructor(
    readonly kind: CellKind,
    readonly equations: CellStep,
    readonly weights: CellWeights,
  ) {
    const { gainIh, gainHh, biasIh, biasHh } = weights
    this.#gainsIh = gainIh && this.#groups(gainIh)
    this.#gainsHh = gainHh && this.#groups(gainHh)
    this.#biasesIh = biasIh && this.#groups(biasIh)
    this.#biasesHh = biasHh && this.#groups(biasHh)
  }

  get hiddenSize(): number {
    return this.weights.weightHh.shape[1]
  }

  /**
   * W_ih x + b_ih, or LN(W_ih x), for any number of inputs at once: features, or tokens that stand for one-hot rows.
   */
  input(x: Tensor): Sums {
    const { weightIh } = this.weights
    const product = x.dtype === 'int32' ? weightIh.T.gatherRows(x) : linear(x, weightIh)
    return this.#sums(product, this.#biasesIh, this.#gainsIh)
  }

  /** @param a the result of `input` for this step */
  step(a: Sums, before: StateParts): StateParts {
    const { weightHh, gainC, biasC } = this.weights
    const u = this.#sums(linear(before.h, weightHh), this.#biasesHh, this.#gainsHh)
    return this.equations(a, u, before, (c) => (gainC ? layerNorm(c, gainC, biasC) : c))
  }

  #sums(product: Tensor, biases: Sums | undefined, gains: Sums | undefined): Sums {
    return this.#groups(product).map((part, i) => {
      if (gains) return layerNorm(part, gains[i], biases?.[i])
      return biases ? part.add(biases[i]) : part
    })
  }

  /** Splits the gates along the last axis into groups. */
  #groups(gates: Tensor): Sums {
    const { groups } = cells[this.kind]
    if (groups.length === 1) return [gates]
    const sizes = groups.map((count) => count * this.hiddenSize)
    return split(gates, sizes, -1)
  }
}

/** A layer in one direction over a whole sequence; it computes the same as `recurrentLayer`, step by step. */
export function unfusedLayer(
  cell: UnfusedCell,
  { batchSize, hiddenSize, reverse }: RecurrentSizes,
  input: Tensor,
  h0?: Tensor,
  c0?: Tensor,
): { output: Tensor; hn: Tensor; cn?: Tensor } {
  const zero = zeroState(cell.kind, [batchSize, hiddenSize], cell.weights.weightHh.device)
  let state: StateParts = { h: h0 ?? zero.h, c: c0 ?? zero.c }
  const sums = cell.input(input).map((part) => split(part, 1, 0).map((step) => step.reshape(batchSize, -1)))
  const steps = sums[0].map((_, t) => sums.map((part) => part[t]))
  const hs = (reverse ? steps.reverse() : steps).map((a) => {
    state = cell.step(a, state)
    return state.h
  })
  return { output: stack(reverse ? hs.reverse() : hs), hn: state.h, cn: state.c }
}

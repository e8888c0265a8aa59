import { type CellKind, cells } from '../device/cells.js'
import { type CellState, type CellValues, equations } from './equations.js'

/**
 * PyTorch's weights of a cell, and its weights of layer normalization, if any (Ba, Kiros & Hinton 2016, supplement):
 * each LN(x) has a gain, [gates × hiddenSize], or [hiddenSize] for c. Those of the products use b_ih and b_hh as their
 * biases.
 */
export interface CellWeights<V> {
  /** [gates × hiddenSize, inputSize] */
  weightIh: V
  /** [gates × hiddenSize, hiddenSize] */
  weightHh: V
  biasIh?: V
  biasHh?: V
  gainIh?: V
  gainHh?: V
  gainC?: V
  biasC?: V
}

/** The weights of a cell from its parameters, by PyTorch's names. */
export const cellWeights = <V>(parameter: (name: string) => V): CellWeights<V> => ({
  weightIh: parameter('weight_ih'),
  weightHh: parameter('weight_hh'),
  biasIh: parameter('bias_ih'),
  biasHh: parameter('bias_hh'),
  gainIh: parameter('gain_ih'),
  gainHh: parameter('gain_hh'),
  gainC: parameter('gain_c'),
  biasC: parameter('bias_c'),
})

/** Applies a function to each weight that a cell has. */
export const mapWeights = <A, B>(weights: CellWeights<A>, change: (weight: A) => B): CellWeights<B> =>
  Object.fromEntries(
    Object.entries(weights)
      .filter(([, weight]) => weight !== undefined)
      .map(([name, weight]) => [name, change(weight)]),
  ) as unknown as CellWeights<B>

/** Operations on values that an unfused cell needs besides those of its equations. */
export interface CellAlgebra<V> {
  /** x · Wᵀ */
  linear(x: V, weight: V): V
  layerNorm(x: V, gain: V, bias: V | undefined): V
  /** Splits along the last axis. */
  split(x: V, sizes: readonly number[]): V[]
}

/**
 * What the input or the hidden state adds to the gates: one value for each group of gates that the equations use
 * together, [batch, gates of the group × hiddenSize].
 */
export type Sums<V> = readonly V[]

/** A cell with its weights, computed by its equations because it has no fused kernel. */
export class UnfusedCell<V extends CellValues<V>> {
  readonly #gainsIh: Sums<V> | undefined
  readonly #gainsHh: Sums<V> | undefined
  readonly #biasesIh: Sums<V> | undefined
  readonly #biasesHh: Sums<V> | undefined

  constructor(
    readonly algebra: CellAlgebra<V>,
    readonly kind: CellKind,
    readonly hiddenSize: number,
    readonly weights: CellWeights<V>,
  ) {
    const { gainIh, gainHh, biasIh, biasHh } = weights
    this.#gainsIh = gainIh && this.#groups(gainIh)
    this.#gainsHh = gainHh && this.#groups(gainHh)
    this.#biasesIh = biasIh && this.#groups(biasIh)
    this.#biasesHh = biasHh && this.#groups(biasHh)
  }

  /**
   * What inputs add to the gates, W_ih x + b_ih or LN(W_ih x), for any number of inputs at once.
   * @param product W_ih x
   */
  input(product: V): Sums<V> {
    return this.#sums(product, this.#biasesIh, this.#gainsIh)
  }

  /** @param a the result of `input` for this step */
  step(a: Sums<V>, before: CellState<V>): CellState<V> {
    const { algebra, hiddenSize } = this
    const { weightHh, gainC, biasC } = this.weights
    const u = this.#sums(algebra.linear(before.h, weightHh), this.#biasesHh, this.#gainsHh)
    return equations[this.kind](a, u, before, {
      gates: (sums, count) => algebra.split(sums, Array<number>(count).fill(hiddenSize)),
      norm: (c) => (gainC ? algebra.layerNorm(c, gainC, biasC) : c),
    })
  }

  #sums(product: V, biases: Sums<V> | undefined, gains: Sums<V> | undefined): Sums<V> {
    return this.#groups(product).map((part, i) => {
      if (gains) return this.algebra.layerNorm(part, gains[i], biases?.[i])
      return biases ? part.add(biases[i]) : part
    })
  }

  /** Splits the gates along the last axis into groups. */
  #groups(gates: V): Sums<V> {
    const { groups } = cells[this.kind]
    if (groups.length === 1) return [gates]
    const sizes = groups.map((count) => count * this.hiddenSize)
    return this.algebra.split(gates, sizes)
  }
}

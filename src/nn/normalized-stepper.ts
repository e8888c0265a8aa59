import type { FloatArray, Stepper } from '../kernels/kernels.js'
import { fromData } from '../tensor/create.js'
import { linear } from '../tensor/functions.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Linear } from './linear.js'
import {
  type CellState,
  type LayerOfStack,
  type NormalizedWeights,
  normalizedInput,
  normalizedStep,
  zeroState,
} from './normalized-cells.js'

/** Layers with normalized cells and a linear output, token by token, with their weights of when it was made. */
export class NormalizedStepper implements Stepper {
  readonly #layers: readonly LayerOfStack[]
  readonly #output: readonly [weight: Tensor, bias: Tensor | undefined]
  /** What the first layer makes of each token, [vocabSize, gates × hiddenSize]. */
  readonly #table: Tensor
  #states: CellState[]

  constructor(layers: readonly LayerOfStack[], { weight, bias }: Linear, batchSize: number) {
    this.#layers = layers.map(({ weights, ...layer }) => {
      const copies = Object.entries(weights).map(([name, tensor]) => [name, tensor?.clone()])
      return { ...layer, weights: Object.fromEntries(copies) as NormalizedWeights }
    })
    this.#output = [weight.clone(), bias?.clone()]
    const [{ cell, weights }] = this.#layers
    const tokens = Int32Array.from({ length: weights.weightIh.shape[1] }, (_, token) => token)
    this.#table = normalizedInput(cell, weights, fromData(tokens, [tokens.length]))
    this.#states = layers.map(({ cell, hiddenSize }) => zeroState(cell, batchSize, hiddenSize))
  }

  step(tokens: Int32Array): FloatArray {
    let a = this.#table.gatherRows(fromData(tokens, [tokens.length]))
    for (const [i, { cell, weights }] of this.#layers.entries()) {
      if (i > 0) a = normalizedInput(cell, weights, this.#states[i - 1].h)
      this.#states[i] = normalizedStep(cell, weights, a, this.#states[i])
    }
    return linear(this.#states.at(-1)!.h, ...this.#output).data as FloatArray
  }

  select(rows: Int32Array): void {
    const indices = fromData(rows, [rows.length])
    this.#states = this.#states.map(({ h, c }) => ({ h: h.gatherRows(indices), c: c?.gatherRows(indices) }))
  }

  free(): void {}
}

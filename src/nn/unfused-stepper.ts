import type { FloatArray, Stepper } from '../device/device.js'
import { fromData } from '../tensor/create.js'
import { linear } from '../tensor/functions.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Linear } from './linear.js'
import { type StateParts, zeroState } from './recurrent-state.js'
import { type CellWeights, type Sums, UnfusedCell } from './unfused.js'

/** Runs layers and a linear output token by token, with tensor operations and the weights as they were at creation. */
export class UnfusedStepper implements Stepper {
  readonly #cells: readonly UnfusedCell[]
  readonly #output: readonly [weight: Tensor, bias: Tensor | undefined]
  /** The first layer's sums for each token, [vocabSize, …]. */
  readonly #table: Sums
  #states: StateParts[]

  constructor(cells: readonly UnfusedCell[], { weight, bias }: Linear, batchSize: number) {
    this.#cells = cells.map(({ kind, equations, weights }) => {
      const copies = Object.entries(weights).map(([name, tensor]) => [name, tensor?.clone()])
      return new UnfusedCell(kind, equations, Object.fromEntries(copies) as CellWeights)
    })
    this.#output = [weight.clone(), bias?.clone()]
    const tokens = Int32Array.from({ length: cells[0].weights.weightIh.shape[1] }, (_, token) => token)
    this.#table = this.#cells[0].input(fromData(tokens, [tokens.length]))
    this.#states = cells.map(({ kind, hiddenSize }) => zeroState(kind, [batchSize, hiddenSize], weight.device))
  }

  step(tokens: Int32Array): FloatArray | Promise<FloatArray> {
    const ids = fromData(tokens, [tokens.length])
    let a: Sums = this.#table.map((part) => part.gatherRows(ids))
    for (const [i, cell] of this.#cells.entries()) {
      if (i > 0) a = cell.input(this.#states[i - 1].h)
      this.#states[i] = cell.step(a, this.#states[i])
    }
    const scores = linear(this.#states.at(-1)!.h, ...this.#output)
    return (scores.device.kind === 'cpu' ? scores.data : scores.dataAnywhere()) as FloatArray | Promise<FloatArray>
  }

  select(rows: Int32Array): void {
    const indices = fromData(rows, [rows.length])
    this.#states = this.#states.map(({ h, c }) => ({ h: h.gatherRows(indices), c: c?.gatherRows(indices) }))
  }

  free(): void {}
}

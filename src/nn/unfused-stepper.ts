import type { FloatArray, Stepper, StepState } from '../device/device.js'
import { fromData } from '../tensor/create.js'
import { concatenate, linear } from '../tensor/functions.js'
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

  step(tokens: Int32Array, count = tokens.length): FloatArray | Promise<FloatArray> {
    const ids = fromData(tokens, [tokens.length])
    let a: Sums = this.#table.map((part) => part.gatherRows(ids))
    for (const [i, cell] of this.#cells.entries()) {
      if (i > 0) a = cell.input(this.#states[i - 1].h)
      this.#states[i] = cell.step(a, this.#states[i])
    }
    const { h } = this.#states.at(-1)!
    const scores = linear(count === tokens.length ? h : h.slice(0, 0, count), ...this.#output)
    return (scores.device.kind === 'cpu' ? scores.data : scores.dataAnywhere()) as FloatArray | Promise<FloatArray>
  }

  select(rows: Int32Array): void {
    const indices = fromData(rows, [rows.length])
    this.#states = this.#states.map(({ h, c }) => ({ h: h.gatherRows(indices), c: c?.gatherRows(indices) }))
  }

  stateOf(row: number): StateParts[] {
    return this.#states.map(({ h, c }) => ({ h: h.slice(0, row, row + 1), c: c?.slice(0, row, row + 1) }))
  }

  setState(row: number, state: StepState | undefined): void {
    this.#states = this.#states.map(({ h, c }, i) => {
      const { kind, hiddenSize } = this.#cells[i]
      const part = (state?.[i] as StateParts | undefined) ?? zeroState(kind, [1, hiddenSize], h.device)
      return { h: withRow(h, row, part.h), c: c && withRow(c, row, part.c!) }
    })
  }

  free(): void {}
}

/** A matrix with another row. */
function withRow(all: Tensor, row: number, values: Tensor): Tensor {
  const before = row > 0 ? [all.slice(0, 0, row)] : []
  const after = row + 1 < all.shape[0] ? [all.slice(0, row + 1)] : []
  return concatenate([...before, values, ...after], 0)
}

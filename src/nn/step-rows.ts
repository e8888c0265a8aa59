import { fromData } from '../tensor/create.js'
import { concatenate } from '../tensor/functions.js'
import { spreadRows, takeRows } from '../tensor/rows.js'
import type { Tensor } from '../tensor/tensor.js'
import { rowsWithin } from './sequences.js'

/** The rows of a batch of sequences of unequal lengths that are no padding. */
export class ValidRows {
  readonly #numSteps: number
  readonly #rows: Int32Array

  constructor(
    protected readonly lengths: Int32Array,
    numSteps: number,
  ) {
    this.#numSteps = numSteps
    this.#rows = rowsWithin(lengths, numSteps)
  }

  /** Those of features [numSteps, batch, features] or tokens [numSteps, batch]. */
  of(x: Tensor): Tensor {
    if (x.dtype === 'float') return takeRows(x.reshape(-1, x.shape[2]), this.#rows)
    const tokens = this.#rows.map((row) => x.data[row])
    return fromData(tokens, [tokens.length])
  }

  /** These rows as [numSteps, batch, …]. @param padding a row [1, …] for the padding; zeros if absent */
  padded(rows: Tensor, padding?: Tensor): Tensor {
    const batch = this.lengths.length
    const all = spreadRows(rows, this.#rows, this.#numSteps * batch, padding)
    return all.reshape(this.#numSteps, batch, rows.shape[1])
  }
}

/** The same rows, time step by time step. */
export class StepRows extends ValidRows {
  /** The sequences that have each step, and the number of rows before it. */
  readonly #steps: { sequences: Int32Array; first: number }[] = []

  constructor(lengths: Int32Array, numSteps: number) {
    super(lengths, numSteps)
    for (let [t, first] = [0, 0]; t < numSteps; t++) {
      const sequences = Int32Array.from(lengths.keys()).filter((i) => t < lengths[i])
      this.#steps.push({ sequences, first })
      first += sequences.length
    }
  }

  /** Of the valid rows, those of a step. */
  at(rows: Tensor, t: number): Tensor {
    const { sequences, first } = this.#steps[t]
    return rows.slice(0, first, first + sequences.length)
  }

  /** The states of the sequences that have a step. */
  before(h: Tensor, t: number): Tensor {
    return takeRows(h, this.#steps[t].sequences)
  }

  /** All states after a step: those that had it have moved on. */
  after(h: Tensor, next: Tensor, t: number): Tensor {
    const order = Int32Array.from(this.lengths.keys())
    for (const [place, i] of this.#steps[t].sequences.entries()) order[i] = h.shape[0] + place
    return takeRows(concatenate([h, next]), order)
  }
}

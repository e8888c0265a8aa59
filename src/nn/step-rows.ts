import { fromData, zerosOn } from '../tensor/create.js'
import { concatenate } from '../tensor/functions.js'
import type { Tensor } from '../tensor/tensor.js'
import { rowsWithin } from './sequences.js'

/** The rows of a batch of sequences of unequal lengths that are no padding, time step by time step. */
export class StepRows {
  readonly #lengths: Int32Array
  readonly #numSteps: number
  readonly #valid: Int32Array
  /** The sequences that have each step, and the number of rows before it. */
  readonly #steps: { sequences: Int32Array; first: number }[] = []

  constructor(lengths: Int32Array, numSteps: number) {
    this.#lengths = lengths
    this.#numSteps = numSteps
    this.#valid = rowsWithin(lengths, numSteps)
    for (let [t, first] = [0, 0]; t < numSteps; t++) {
      const sequences = Int32Array.from(lengths.keys()).filter((i) => t < lengths[i])
      this.#steps.push({ sequences, first })
      first += sequences.length
    }
  }

  /** Those of [numSteps, batch, …]. */
  of(x: Tensor): Tensor {
    const [numSteps, batch, ...rest] = x.shape
    if (x.dtype === 'int32')
      return fromData(
        this.#valid.map((row) => x.data[row]),
        [this.#valid.length],
      )
    return x.reshape(numSteps * batch, ...rest).gatherRows(numbers(this.#valid))
  }

  /** Of these rows, those of a step. */
  at(rows: Tensor, t: number): Tensor {
    const { sequences, first } = this.#steps[t]
    return rows.slice(0, first, first + sequences.length)
  }

  /** The states of the sequences that have a step. */
  before(h: Tensor, t: number): Tensor {
    return h.gatherRows(numbers(this.#steps[t].sequences))
  }

  /** All states after a step: those that had it have moved on. */
  after(h: Tensor, next: Tensor, t: number): Tensor {
    const order = Int32Array.from(this.#lengths.keys())
    for (const [place, i] of this.#steps[t].sequences.entries()) order[i] = h.shape[0] + place
    return concatenate([h, next]).gatherRows(numbers(order))
  }

  /** These rows as [numSteps, batch, …], with a row [1, …] for the padding; zeros if absent. */
  padded(rows: Tensor, padding: Tensor = zerosOn(rows.device, [1, rows.shape[1]])): Tensor {
    const batch = this.#lengths.length
    const places = new Int32Array(this.#numSteps * batch)
    for (const [i, row] of this.#valid.entries()) places[row] = i + 1
    return concatenate([padding, rows]).gatherRows(fromData(places, [this.#numSteps, batch]))
  }
}

const numbers = (values: Int32Array): Tensor => fromData(values, [values.length])

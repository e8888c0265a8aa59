import { checkWhole } from '../core/check.js'
import { describe } from '../core/describe.js'
import { OptionError, ShapeError } from '../core/errors.js'
import type { FloatArray, Stepper, StepState } from '../device/device.js'

/** What each state came from: its stepper's layers and device. */
const origins = new WeakMap<StepState, string>()

/**
 * A stepper that checks its tokens and states: with one out of range, the kernels would read or write elsewhere in their
 * memory.
 */
export class CheckedStepper implements Stepper {
  #inner: Stepper | undefined
  readonly #batchSize: number
  readonly #vocabSize: number
  readonly #origin: string

  /** @param origin what states of sequences belong to: the layers and the device, in words */
  constructor(inner: Stepper, batchSize: number, vocabSize: number, origin: string) {
    this.#inner = inner
    this.#batchSize = batchSize
    this.#vocabSize = vocabSize
    this.#origin = origin
  }

  step(tokens: Int32Array, count = this.#batchSize): FloatArray | Promise<FloatArray> {
    const inner = this.#checked('step', 'tokens', tokens, this.#vocabSize)
    if (count !== this.#batchSize) checkWhole('Stepper.step', 'count', count, 1, this.#batchSize)
    return inner.step(tokens, count)
  }

  select(rows: Int32Array): void {
    const inner = this.#checked('select', 'rows', rows, this.#batchSize)
    inner.select(rows)
  }

  stateOf(row: number): StepState {
    const state = this.#at('stateOf', row).stateOf(row)
    origins.set(state, this.#origin)
    return state
  }

  setState(row: number, state: StepState | undefined): void {
    const inner = this.#at('setState', row)
    const origin = state === undefined ? this.#origin : origins.get(Object(state))
    if (origin !== this.#origin) {
      throw new OptionError(
        `Stepper.setState: state is ${origin ? `that of ${origin}` : describe(state)}, expected what stateOf gave of ${this.#origin}, or undefined for zeros`,
      )
    }
    inner.setState(row, state)
  }

  free(): void {
    this.#inner?.free()
    this.#inner = undefined
  }

  #at(method: string, row: number): Stepper {
    const where = `Stepper.${method}`
    checkWhole(where, 'row', row, 0, this.#batchSize - 1)
    return this.#alive(where)
  }

  #alive(where: string): Stepper {
    if (this.#inner) return this.#inner
    throw new OptionError(`${where}: the stepper was freed, expected a new one from model.stepper()`)
  }

  /**
   * Returns the stepper, after checking that it was not freed and that `values` are batchSize numbers below `count`.
   */
  #checked(method: string, name: string, values: Int32Array, count: number): Stepper {
    const where = `Stepper.${method}`
    const inner = this.#alive(where)
    if (!(values instanceof Int32Array) || values.length !== this.#batchSize) {
      const given = values instanceof Int32Array ? `${values.length} values` : describe(values)
      throw new ShapeError(`${where}: ${name} are ${given}, expected an Int32Array of batchSize = ${this.#batchSize}`)
    }
    for (const value of values) {
      if (value < 0 || value >= count) {
        throw new OptionError(`${where}: ${name} contain ${value}, expected whole numbers from 0 to ${count - 1}`)
      }
    }
    return inner
  }
}

import { describe } from '../core/describe.js'
import { OptionError, ShapeError } from '../core/errors.js'
import type { FloatArray, Stepper } from '../device/device.js'

/** A stepper that checks its tokens: with one out of range, the kernels would read elsewhere in their memory. */
export class CheckedStepper implements Stepper {
  #inner: Stepper | undefined
  readonly #batchSize: number
  readonly #vocabSize: number

  constructor(inner: Stepper, batchSize: number, vocabSize: number) {
    this.#inner = inner
    this.#batchSize = batchSize
    this.#vocabSize = vocabSize
  }

  step(tokens: Int32Array): FloatArray | Promise<FloatArray> {
    const inner = this.#checked('step', 'tokens', tokens, this.#vocabSize)
    return inner.step(tokens)
  }

  select(rows: Int32Array): void {
    const inner = this.#checked('select', 'rows', rows, this.#batchSize)
    inner.select(rows)
  }

  free(): void {
    this.#inner?.free()
    this.#inner = undefined
  }

  /**
   * Returns the stepper, after checking that it was not freed and that `values` are batchSize numbers below `count`.
   */
  #checked(method: string, name: string, values: Int32Array, count: number): Stepper {
    const where = `Stepper.${method}`
    if (!this.#inner) throw new OptionError(`${where}: the stepper was freed, expected a new one from model.stepper()`)
    if (!(values instanceof Int32Array) || values.length !== this.#batchSize) {
      const given = values instanceof Int32Array ? `${values.length} values` : describe(values)
      throw new ShapeError(`${where}: ${name} are ${given}, expected an Int32Array of batchSize = ${this.#batchSize}`)
    }
    for (const value of values) {
      if (value < 0 || value >= count) {
        throw new OptionError(`${where}: ${name} contain ${value}, expected whole numbers from 0 to ${count - 1}`)
      }
    }
    return this.#inner
  }
}

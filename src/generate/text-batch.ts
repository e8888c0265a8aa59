import type { FloatArray, Stepper, StepState } from '../device/device.js'
import type { ContinuedText, MadeToken } from './continued-text.js'
import type { TokenModel } from './token-model.js'

/**
 * Texts that are continued side by side, with one token each per step. They may join and leave between two steps. They
 * occupy the first rows of a stepper, so that its free rows cost no time; a text that is alone has a stepper of its
 * own, whose products are faster for one row.
 */
export class TextBatch {
  readonly #steppers: readonly Stepper[]
  #stepper: Stepper
  #texts: ContinuedText[] = []
  readonly #tokens: Int32Array
  /** Rows that ever had a text: the others begin with zeros. */
  #used = 0

  /**
   * @param rows texts that there may be at once
   * @param alone whether there is also a stepper for one text: not worth it if all texts begin together
   */
  constructor(
    model: TokenModel,
    readonly rows: number,
    alone: boolean,
  ) {
    const wide = model.stepper(rows)
    this.#steppers = alone && rows > 1 ? [model.stepper(1), wide] : [wide]
    this.#stepper = this.#steppers[0]
    this.#tokens = new Int32Array(rows)
  }

  /** The texts in the batch, in the order in which they joined. */
  get texts(): readonly ContinuedText[] {
    return this.#texts
  }

  /** @param state the text's state when it left, if it comes back */
  join(text: ContinuedText, state?: StepState): void {
    const row = this.#texts.length
    if (row === 1) this.#goTo(this.#steppers.at(-1)!)
    text.row = row
    this.#texts.push(text)
    if (state || row < this.#used) this.#stepper.setState(row, state)
    this.#used = Math.max(this.#used, row + 1)
    this.#tokens[row] = text.next
  }

  /** The state of a text in the batch, for `join`. */
  stateOf(text: ContinuedText): StepState {
    return this.#stepper.stateOf(text.row)
  }

  /** Moves the last row to where the text's row was. */
  leave(text: ContinuedText): void {
    const last = this.#texts.length - 1
    if (text.row !== last) {
      const moved = this.#texts.find(({ row }) => row === last)!
      this.#stepper.setState(text.row, this.#stepper.stateOf(last))
      this.#tokens[text.row] = this.#tokens[last]
      moved.row = text.row
    }
    this.#texts = this.#texts.filter((one) => one !== text)
    if (this.#texts.length === 1) this.#goTo(this.#steppers[0])
  }

  /** The scores of the next token of each text, by rows: at once on the CPU, and otherwise as a promise. */
  step(): FloatArray | Promise<FloatArray> {
    const tokens = this.#stepper === this.#steppers.at(-1) ? this.#tokens : this.#tokens.subarray(0, 1)
    return this.#stepper.step(tokens, this.#texts.length)
  }

  /**
   * Takes the next token of a text, from its prefix or drawn from its scores.
   * @param scores those of all texts, as `step` gave them
   * @param made is given the tokens that are now certain to belong to the text
   * @throws DataError for scores that are not finite
   */
  draw(text: ContinuedText, scores: FloatArray, measured: boolean, made: MadeToken[]): void {
    text.take(scores, measured, made)
    this.#tokens[text.row] = text.next
  }

  free(): void {
    for (const stepper of this.#steppers) stepper.free()
  }

  /** Switches to another stepper, which continues from the first row's state. */
  #goTo(stepper: Stepper): void {
    if (stepper === this.#stepper) return
    stepper.setState(0, this.#stepper.stateOf(0))
    this.#stepper = stepper
    this.#used = Math.max(this.#used, this.rows)
  }
}

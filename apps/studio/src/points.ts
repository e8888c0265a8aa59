/** The most points of a curve; beyond it, two neighbours become one. */
const MOST_POINTS = 2000

/** Losses over steps, or what is made of them. */
export class Points {
  steps: number[] = []
  values: number[] = []
  #every = 1
  #waiting: { sum: number; count: number } = { sum: 0, count: 0 }
  readonly #shown: (loss: number) => number

  /** @param shown what is shown of a mean loss. Default: its perplexity */
  constructor(shown: (loss: number) => number = Math.exp) {
    this.#shown = shown
  }

  /** Adds a loss: the mean of neighbours is taken before e^loss, as for an epoch. */
  add(step: number, loss: number): void {
    this.#waiting.sum += loss
    this.#waiting.count++
    if (this.#waiting.count < this.#every) return
    this.steps.push(step)
    this.values.push(this.#shown(this.#waiting.sum / this.#waiting.count))
    this.#waiting = { sum: 0, count: 0 }
    if (this.steps.length <= MOST_POINTS) return
    this.steps = this.steps.filter((_, i) => i % 2 === 1)
    this.values = this.values.flatMap((value, i) => (i % 2 === 1 ? Math.sqrt(value * this.values[i - 1]) : []))
    this.#every *= 2
  }

  get last(): number | undefined {
    return this.values.at(-1)
  }
}

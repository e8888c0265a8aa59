import type { Generator, GeneratorState } from '../core/random.js'
import type { TrainingData } from './objective.js'

/** The states of a training's generators: that of its data, and those of dropout and the like. */
export interface DrawStates {
  data: GeneratorState
  generators: readonly GeneratorState[]
}

/** What a training draws at random: its batches, and what its model and its user draw. */
export class Draws<B> {
  readonly #data: TrainingData<B>
  readonly #generators: readonly Generator[]
  /** The state of the data's generator before it drew for the current epoch. */
  #epochStart: GeneratorState

  constructor(data: TrainingData<B>, generators: Iterable<Generator>) {
    this.#data = data
    this.#generators = [...new Set(generators)]
    this.#epochStart = data.generator.state
  }

  /** How many generators there are besides that of the data. */
  get count(): number {
    return this.#generators.length
  }

  get states(): DrawStates {
    return { data: this.#data.generator.state, generators: this.#generators.map(({ state }) => state) }
  }

  set states({ data, generators }: DrawStates) {
    this.#data.generator.state = data
    // These are set after the data's generator, which may be one of them.
    this.#generators.forEach((generator, i) => {
      generator.state = generators[i]
    })
  }

  /** The states from which an epoch goes on that has come to this batch. */
  recorded(batch: number): { data: number[]; generators: number[][] } {
    const { data, generators } = this.states
    return { data: [...(batch === 0 ? data : this.#epochStart)], generators: generators.map((state) => [...state]) }
  }

  /** Takes states that were recorded. */
  restore(states: DrawStates): void {
    this.#epochStart = states.data
    this.states = states
  }

  /** The batches of the current epoch from one on. If some are done, their random draws are repeated first. */
  batches(batch: number): IterableIterator<B> {
    if (batch === 0) {
      this.#epochStart = this.#data.generator.state
      return this.#data.batches()
    }
    const { generators } = this.states
    this.#data.generator.state = this.#epochStart
    const batches = this.#data.batches(batch)
    const first = batches.next()
    this.states = { data: this.#data.generator.state, generators }
    return first.done ? batches : prepended(first.value, batches)
  }
}

function* prepended<T>(first: T, rest: Iterable<T>): IterableIterator<T> {
  yield first
  yield* rest
}

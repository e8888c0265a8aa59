import { DeviceLostError, UnrolledError } from '../core/errors.js'
import { isRefusal } from '../core/refusal.js'
import type { EpochEvent, TrainEvent, ValidationEvent } from '../train/training-events.js'
import { type EventWriter, openHistory } from './history.js'
import type { Job } from './job.js'
import type { Warned } from './run-events.js'
import { HISTORY, type Reporter } from './store.js'

/** What a run writes down besides its models: its history, and files for TensorBoard. The training can do without it. */
export class RunReport {
  /** Epochs and validations, those of earlier processes included. */
  readonly told: (EpochEvent | ValidationEvent)[] = []
  readonly #job: Job
  /** Warnings that were given, so that a disk that stays full is mentioned only once. */
  readonly #warnings = new Set<string>()
  #history: EventWriter | undefined
  #board: Reporter | undefined

  constructor(job: Job) {
    this.#job = job
  }

  /** Length of the history, or its length at the last checkpoint if it cannot be written. */
  get historyBytes(): number {
    return this.#history?.bytes ?? this.#job.record.historyBytes
  }

  get epochs(): EpochEvent[] {
    return this.told.filter((event) => event.type === 'epoch')
  }

  /** Reads what earlier processes have told, and opens what is written from now on. */
  async *open(): Warned<void> {
    const { store, training, options, changed } = this.#job
    this.#history = yield* this.#openHistory()
    const earlier = this.#history?.earlier ?? []
    for (const event of earlier) if (event.type === 'epoch' || event.type === 'validation') this.told.push(event)
    if (options.tensorboard) {
      this.#board = yield* this.attempt(async () => {
        if (store.openBoard) return store.openBoard(training.step)
        throw new UnrolledError(`${store.name}: event files for TensorBoard cannot be written there`)
      })
    }
    if (Object.keys(changed).length === 0) return
    const { epoch, step } = training
    yield* this.attempt(async () => this.#history?.write({ type: 'resume', epoch, step, options: changed }))
  }

  async *write(event: TrainEvent): Warned<void> {
    if (event.type !== 'step') this.told.push(event)
    for (const reporter of [this.#history, this.#board]) yield* this.attempt(async () => reporter?.write(event))
  }

  /** Writes what had to wait. */
  async *flush(): Warned<void> {
    yield* this.attempt(async () => this.#history?.flush())
  }

  /** Does work that the training can do without: a failure becomes a warning. */
  async *attempt<T>(work: () => Promise<T>): Warned<T | undefined> {
    try {
      return await work()
    } catch (error) {
      const { message } = error as Error
      // Without its device the training cannot go on, unless it is over.
      const needed = error instanceof DeviceLostError && this.#job.training.ended === undefined
      if (needed || (!(error instanceof UnrolledError) && !isRefusal(error))) throw error
      if (this.#warnings.has(message)) return undefined
      this.#warnings.add(message)
      const { code } = error instanceof UnrolledError ? error : {}
      yield { type: 'warning', message: `${message}; the training goes on without it`, code }
      return undefined
    }
  }

  /** Renames a history that cannot be continued, and begins a new one. */
  async *#openHistory(): Warned<EventWriter | undefined> {
    const { store, record } = this.#job
    let problem: string | undefined
    const history = yield* this.attempt(async () => {
      try {
        return await openHistory(store, record.historyBytes)
      } catch (error) {
        const names = await store.names()
        if (!(error instanceof UnrolledError) || !names.includes(HISTORY)) throw error
        const kept = unusedName(names)
        await store.rename(HISTORY, kept)
        problem = `${error.message}; it is kept as ${store.name}/${kept}, and a new one begins`
        return openHistory(store, 0)
      }
    })
    if (history && problem !== undefined) yield { type: 'warning', message: problem }
    return history
  }
}

/** The first unused name for a damaged history. */
function unusedName(names: readonly string[]): string {
  for (let number = 1; ; number++) {
    const name = HISTORY.replace(/(?=\.jsonl$)/, `-damaged${number === 1 ? '' : number}`)
    if (!names.includes(name)) return name
  }
}

import { DataError, UnrolledError } from '../core/errors.js'
import type { TrainingRecord } from '../formats/model-config.js'
import { sourceOf } from '../formats/source.js'
import type { Module } from '../nn/module.js'
import { notFinite } from '../train/finite.js'
import { underPrefix } from '../train/progress.js'
import type { Job } from './job.js'
import type { KeptModel, KeptState } from './model-keeping.js'
import type { Warned, WarningEvent } from './run-events.js'
import { savedFiles } from './run-model.js'
import { BEST, CHECKPOINT, EVENT_FILE } from './store.js'

/** The name of a best model that could not be read. */
const UNREADABLE = BEST.replace('.', '-unreadable.')

/** Milliseconds to wait before each new attempt to save something that must not be lost. */
const WAITS = [500, 1000, 2000, 4000]

/** The training came to its end, but its store did not take the model. */
export class UnsavedModelError extends DataError {
  constructor(
    readonly reason: string,
    /** Where the checkpoint is; resuming the run from it saves the model. */
    readonly place: string,
  ) {
    super(`${reason}; the training is kept in ${place}; once the problem is fixed, resuming it saves the model`)
  }
}

/** Saves a run in its store: its checkpoints, its best model, and its final model. */
export class Keeper<M extends Module> {
  /** Where the last checkpoint is. */
  place: string
  /** The step of the last checkpoint that was saved. */
  step: number
  /** Whether a checkpoint was saved by this process: it has the options in force. */
  saved = false
  readonly #job: Job<M>
  readonly #trained: () => TrainingRecord
  readonly #spares: () => boolean
  /** The best model, until the store has taken it. */
  #best: { state: KeptState; trained: TrainingRecord } | undefined
  /** Step and time of the last attempt to save a checkpoint. */
  #tried: { step: number; time: number }

  /**
   * @param trained the record of the training in config.json
   * @param spares whether the last checkpoint is better than one made now would be
   */
  constructor(job: Job<M>, trained: () => TrainingRecord, spares: () => boolean) {
    this.place = job.store.name
    this.step = job.training.step
    this.#job = job
    this.#trained = trained
    this.#spares = spares
    this.#tried = { step: this.step, time: performance.now() }
  }

  /**
   * Saves the first checkpoint, before any work, and removes the other files that an earlier training left with its
   * model.
   * @throws DataError if there is no room for the checkpoints
   */
  async first(): Promise<void> {
    const { store } = this.#job
    const bytes = await this.#saveLast()
    for (const name of await store.names()) {
      if (name === BEST || name.startsWith(EVENT_FILE)) await store.remove(name)
    }
    const free = await store.freeBytes?.()
    // Room for two more: the last checkpoint and the best model are each written while their older versions still
    // exist.
    if (free !== undefined && free < 2 * bytes) {
      throw new DataError(
        `${store.name}: ${free} bytes are free there, expected at least ${2 * bytes} for checkpoints; make room or choose another folder`,
        [],
        'no-room',
      )
    }
  }

  /** Saves the options that a resumed run changes, so that they hold even if it ends before its next checkpoint. */
  async *changed(historyBytes: number): Warned<void> {
    this.#job.record.historyBytes = historyBytes
    yield* this.#tolerate(() => this.#saveLast())
  }

  /** Saves the current model as the best so far. */
  async *best(): Warned<void> {
    const tensors = underPrefix('model', this.#job.model.stateDict())
    this.#best = { state: { tensors }, trained: this.#trained() }
    yield* this.#saveBest()
  }

  /** Saves a checkpoint if one is due. A failure gives a warning and is tried again later; the training goes on. */
  async *now(historyBytes: number): Warned<void> {
    const { options, training, record } = this.#job
    const { step, time } = this.#tried
    const steps = training.step - step
    if (steps < options.checkpointSteps && performance.now() - time < options.checkpointMinutes * 60_000) return
    if (this.#spares() || (await this.#isRuined())) return
    record.historyBytes = historyBytes
    yield* this.#saveBest()
    yield* this.#tolerate(() => this.#saveLast())
  }

  /** Saves the checkpoint at the end of the work. If the store fails, it goes to another place, which a warning names. */
  async *last(): Warned<void> {
    yield* this.#saveBest()
    if (this.#spares()) return
    const { store } = this.#job
    try {
      yield* this.#patiently(() => this.#saveLast())
    } catch (error) {
      if (!(error instanceof DataError) || !store.rescue) throw error
      yield* this.#rescue(error, (bytes) => store.rescue!(CHECKPOINT, bytes))
    }
  }

  /**
   * Saves the best model, or the last if nothing was held out.
   * @returns the model that was saved
   * @throws UnsavedModelError if the model cannot be saved; it says where the training is kept
   */
  async *model(): Warned<M> {
    const { store, model, keeping } = this.#job
    const best = yield* this.#bestModel()
    const chosen = best?.model ?? model
    try {
      yield* this.#patiently(async () => {
        await store.saveModel(await keeping.files(store.name, chosen, best?.training ?? this.#trained()))
      })
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      throw new UnsavedModelError(error.message, this.place)
    }
    return chosen
  }

  /** Records that the training is finished and its model saved. */
  async *finish(): Warned<void> {
    if (this.#spares()) return
    this.#job.record.finished = true
    yield* this.#tolerate(() => this.#saveLast())
  }

  /** Saves a checkpoint after the caller left the loop, or while it rests. A failure is ignored, because nobody would read a warning. */
  async leave(historyBytes: number): Promise<void> {
    const { record, training } = this.#job
    record.historyBytes = historyBytes
    // The loop may have been left at the very event that told of the best model.
    const isBest = training.best?.step === training.step
    for await (const _ of isBest ? this.best() : this.#saveBest());
    if (this.#spares() || (await this.#isRuined())) return
    for await (const _ of this.#tolerate(() => this.#saveLast()));
  }

  /** Removes the checkpoint of a training that broke before it had learnt anything. */
  async forget(): Promise<void> {
    await this.#job.store.remove(CHECKPOINT)
  }

  /** Saves the last checkpoint in another place, which a warning names. */
  async *#rescue(problem: DataError, save: (bytes: Uint8Array) => Promise<string>): Warned<void> {
    const bytes = await this.#encode(CHECKPOINT, this.#checkpoint())
    try {
      this.place = await save(bytes)
      yield warning(problem, `the checkpoint is in ${this.place} instead`)
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      // The model is smaller than a checkpoint, and may still find room.
      yield warning(problem, `${error.message}; the last checkpoint there is of step ${this.step}`)
    }
  }

  async *#bestModel(): Warned<KeptModel<M> | undefined> {
    const { store, training, keeping } = this.#job
    if (!training.best) return undefined
    const where = `${store.name}/${BEST}`
    try {
      const waiting = this.#best && sourceOf(await this.#encode(BEST, this.#best))
      const best = waiting
        ? await keeping.modelIn(waiting, where)
        : yield* this.#patiently(() => store.read(BEST, (file) => keeping.modelIn(file, where)))
      // If the disk was full when this model became the best, the file can hold an earlier one.
      if (best && Number(best.training?.steps) >= training.best.step) return best
    } catch (error) {
      if (!(error instanceof UnrolledError)) throw error
      // Saving a model removes the file of the best one; one that cannot be read now may be read later.
      await store.rename(BEST, UNREADABLE).catch(() => undefined)
    }
    const saved = await this.#savedModel()
    if (saved) return saved
    const message = `${where} does not hold the best model (of step ${training.best.step}); the last one is saved instead`
    yield { type: 'warning', message }
    return undefined
  }

  /** The store's saved model, if it is the best one. This can be so after a finished training was extended. */
  async #savedModel(): Promise<KeptModel<M> | undefined> {
    const { store, training, keeping } = this.#job
    try {
      const saved = await keeping.saved(await savedFiles(store), store.name)
      const { steps, validationLoss } = saved.training ?? {}
      const isBest = steps === training.best!.step && validationLoss === training.best!.loss
      return isBest ? saved : undefined
    } catch (error) {
      if (!(error instanceof UnrolledError)) throw error
      return undefined
    }
  }

  async *#saveBest(): Warned<void> {
    const best = this.#best
    if (!best) return
    yield* this.#tolerate(async () => {
      await this.#job.store.write(BEST, await this.#encode(BEST, best))
      this.#best = undefined
    })
  }

  /** Whether the last step left parameters that nothing can be done with. The training itself says so at its next step. */
  async #isRuined(): Promise<boolean> {
    return (await notFinite(this.#job.model.parameters())) !== undefined
  }

  /** @returns the bytes of the checkpoint */
  async #saveLast(): Promise<number> {
    const checkpoint = this.#checkpoint()
    const { step } = this.#job.training
    // Noted before the attempt, so that a failed one is repeated after the next interval, not immediately.
    this.#tried = { step, time: performance.now() }
    const bytes = await this.#encode(CHECKPOINT, checkpoint)
    await this.#job.store.write(CHECKPOINT, bytes)
    this.step = step
    this.saved = true
    return bytes.length
  }

  #encode(name: string, { state, trained }: { state: KeptState; trained: TrainingRecord }): Promise<Uint8Array> {
    return this.#job.keeping.checkpoint(`${this.#job.store.name}/${name}`, state, trained)
  }

  #checkpoint(): { state: KeptState; trained: TrainingRecord } {
    const { training, record } = this.#job
    return { state: { ...training.snapshot(), run: record }, trained: this.#trained() }
  }

  async *#tolerate(save: () => Promise<unknown>): Warned<void> {
    try {
      await save()
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      yield warning(error, 'the training goes on, and tries again later')
    }
  }

  async *#patiently<T>(save: () => Promise<T>): Warned<T> {
    for (const wait of WAITS) {
      try {
        return await save()
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        yield warning(error, `trying again in ${wait / 1000} s`)
        await new Promise((resolve) => setTimeout(resolve, wait))
      }
    }
    return save()
  }
}

const warning = ({ message, code }: DataError, then: string): WarningEvent => ({
  type: 'warning',
  message: `${message}; ${then}`,
  code,
})

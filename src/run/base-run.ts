import { DivergenceError, OptionError } from '../core/errors.js'
import type { Device } from '../device/device.js'
import type { TrainingRecord } from '../formats/model-config.js'
import type { Module } from '../nn/module.js'
import type { EpochEvent, TrainEvent, ValidationEvent } from '../train/training-events.js'
import { adviceAfter, ExplodedError, isExploded } from './explosion.js'
import type { Job } from './job.js'
import { Keeper } from './keeper.js'
import { type RecordedOptions, recordOf } from './record.js'
import type { RunEvent } from './run-events.js'
import type { RunOptions } from './run-options.js'
import { RunReport } from './run-report.js'
import type { RunTraining } from './run-training.js'
import type { RunStore } from './store.js'

/** Milliseconds between two samples after validations. */
const SAMPLE_EVERY = 10_000

/** A training of any kind that is kept in a store and reported as events. */
export abstract class BaseRun<M extends Module> {
  readonly #job: Job<M>
  readonly #keeper: Keeper<M>
  readonly #report: RunReport
  #sampled = performance.now()
  /** Mean loss over the items of the last step or epoch. */
  #loss = 0
  /** Whether the last checkpoint's parameters are already broken, as the loss of the first step after it shows. */
  #broken = false
  #begun = false
  #closed = false

  /** @internal */
  constructor(job: Job<M>) {
    this.#job = job
    this.#report = new RunReport(job)
    this.#keeper = new Keeper(
      job,
      () => this.#trained(),
      () => this.#canGoBack() && isExploded(this.#loss, job.limit),
    )
  }

  /** Makes samples of what a model does. */
  protected samplers(_model: M): (() => Promise<string>)[] {
    return []
  }

  /** The options as the record in config.json has them. */
  protected told(): RecordedOptions {
    const { options, training } = this.#job
    return recordOf({ ...options, lr: options.lr ?? training.optimizer.lr })
  }

  /** What that record says of the last epoch. */
  protected reached({ loss }: EpochEvent): TrainingRecord {
    return { trainingLoss: loss }
  }

  /**
   * The options in force. For a resumed run, these are those that it began with, except for those that were changed.
   */
  get options(): Readonly<RunOptions> {
    return this.#job.options
  }

  /** The model that is trained. */
  get model(): M {
    return this.#job.model
  }

  /** The device that computes. */
  get device(): Device {
    return this.#job.device
  }

  get training(): RunTraining {
    return this.#job.training
  }

  get store(): RunStore {
    return this.#job.store
  }

  /** Sentences about options that have no effect, which may be a mistake. */
  get warnings(): readonly string[] {
    return this.#job.warnings
  }

  /** Sentences about what was loaded. */
  get notes(): readonly string[] {
    return this.#job.notes
  }

  /** Whether a checkpoint was saved since the run was started or resumed. It has the options in force. */
  get saved(): boolean {
    return this.#keeper.saved
  }

  /** The epochs and validations so far. Those of earlier processes are there once the loop over `events` has begun. */
  get curve(): readonly (EpochEvent | ValidationEvent)[] {
    return this.#report.told
  }

  /**
   * Trains, and yields what happens, until the training is over or its signal stops it; then saves the model. A loop
   * over the events that is left early leaves a checkpoint. Can be used once. A failure to show or report something
   * never ends a run.
   * @throws OptionError if the run's events were read before, or the run was closed
   * @throws DataError if the first checkpoint or the model cannot be saved; DivergenceError if the loss is not finite,
   *   ExplodedError if it shows that the model is worth nothing
   */
  async *events(): AsyncGenerator<RunEvent, void> {
    const { training, record, store } = this.#job
    if (this.#begun) {
      throw new OptionError(
        `Run.events: the events of the run in ${store.name} were already read, or the run was closed; expected a new run, such as resumeRun returns`,
      )
    }
    this.#begun = true
    if (training.step === 0) await this.#keeper.first()
    yield* this.#report.open()
    this.#loss = this.#report.epochs.at(-1)?.loss ?? 0
    if (Object.keys(this.#job.changed).length > 0) yield* this.#keeper.changed(this.#report.historyBytes)
    const start = performance.now()
    let divergence: DivergenceError | undefined
    let brokenOff = true
    try {
      for await (const event of training.run()) {
        yield* this.#report.write(event)
        yield* this.#take(event)
        yield* this.#keeper.now(this.#report.historyBytes)
      }
      brokenOff = false
    } catch (error) {
      brokenOff = false
      if (!(error instanceof DivergenceError)) throw error
      divergence = error
      // It broke before a single step after the checkpoint, so another learning rate would not help.
      this.#broken ||= training.step === this.#keeper.step
    } finally {
      // The caller left the loop over the events: the training so far is saved.
      if (brokenOff && !this.#closed) await this.#keeper.leave(this.#report.historyBytes)
    }
    yield { type: 'trained', step: training.step, ended: divergence ? undefined : training.ended }
    yield* this.#report.flush()
    record.historyBytes = this.#report.historyBytes
    const seconds = (performance.now() - start) / 1000
    yield* divergence ? this.#diverged(divergence, seconds) : this.#ended(seconds)
  }

  /**
   * Saves a checkpoint between two events, for example because the loop over them is to rest for long. A failure is left to
   * the next checkpoint.
   */
  async save(): Promise<void> {
    const { step, ended } = this.training
    if (this.#closed || ended !== undefined || step === this.#keeper.step) return
    await this.#keeper.leave(this.#report.historyBytes)
  }

  /** Releases the store, and what the training read. */
  async close(): Promise<void> {
    this.#begun = true
    // Only once: afterwards the store may belong to another run.
    if (this.#closed) return
    this.#closed = true
    await this.#job.close?.()
    await this.#job.store.leave()
  }

  async *#take(event: TrainEvent): AsyncGenerator<RunEvent, void> {
    yield event
    if (event.type === 'step') {
      this.#loss = event.loss
      if (event.step === this.#keeper.step + 1) this.#broken = isExploded(event.loss, this.#job.limit)
    }
    if (event.type === 'validation' && event.best) yield* this.#keeper.best()
    if (!this.#sampleIsDue(event)) return
    this.#sampled = performance.now()
    const [sampler] = this.samplers(this.model)
    if (!sampler) return
    const text = yield* this.#report.attempt(sampler)
    if (text !== undefined) yield { type: 'sample', text }
  }

  #sampleIsDue(event: TrainEvent): boolean {
    const { epochs } = this.#job.options
    if (event.type === 'epoch') return event.epoch % Math.ceil(epochs / 10) === 0 && event.epoch < epochs
    return event.type === 'validation' && performance.now() - this.#sampled > SAMPLE_EVERY
  }

  /** The record of the training in config.json. */
  #trained(): TrainingRecord {
    const { training, origin } = this.#job
    const last = this.#report.epochs.at(-1)
    const best = training.best && { validationLoss: training.best.loss, bestStep: training.best.step }
    const so = { steps: training.step, finishedEpochs: this.#report.epochs.length, ...best, kernels: this.device.name }
    return { ...origin, ...this.told(), ...so, ...(last && this.reached(last)) }
  }

  /** Whether the best model, or the current one if nothing was validated, is worth nothing. */
  #isWorthless(loss: number): boolean {
    return isExploded(this.training.best?.loss ?? loss, this.#job.limit)
  }

  /**
   * The training is over, or was stopped. A model that is worth nothing does not replace another: it stays in the
   * checkpoint.
   */
  async *#ended(seconds: number): AsyncGenerator<RunEvent, void> {
    const { store, training, options, limit } = this.#job
    const worthless = this.#isWorthless(this.#loss)
    const now = isExploded(this.#loss, limit)
    // The last step may have had an easy batch. A training that was stopped may still get better.
    const exploded = now || (worthless && training.ended !== 'signal')
    // There is no earlier checkpoint to go back to, and the one that is made now is broken, too.
    if (exploded && !(now && this.#canGoBack())) this.#broken = true
    yield* this.#keeper.last()
    const model = worthless ? undefined : yield* this.#keeper.model()
    // Noted only now, so that a run that is killed before its model is saved can be resumed to save it.
    if (training.ended !== 'signal') yield* this.#keeper.finish()
    const spared = this.#canGoBack()
    yield* this.#tell(seconds, model, exploded && spared ? undefined : this.#keeper.place)
    if (!exploded) return
    yield this.#broke(spared)
    const inCheckpoint = spared ? '' : ', but is in the checkpoint'
    const saved = worthless ? `the model was not saved${inCheckpoint}` : 'the best model was saved'
    const { loss, step } = now ? { loss: this.#loss, step: training.step } : training.best!
    const found = `the ${now ? 'loss is' : 'held-out loss was'} ${loss.toPrecision(4)} ${limit.unit} after step ${step}`
    throw new ExplodedError(
      `Run: the training in ${store.name} exploded: ${found}, while ${limit.uninformed}; ${saved}; train again with a smaller lr than ${options.lr ?? training.optimizer.lr}, or a smaller clip`,
      ['lr', 'clip'],
    )
  }

  /** The training broke. What it had learnt before is saved, or still in the last checkpoint. */
  async *#diverged(divergence: DivergenceError, seconds: number): AsyncGenerator<RunEvent, never> {
    const { training } = this.#job
    const lastGood = this.#report.epochs.at(-1)?.loss
    const worth = (lastGood !== undefined || training.best !== undefined) && !this.#isWorthless(lastGood ?? 0)
    if (worth) yield* this.#tell(seconds, yield* this.#keeper.model(), this.#keeper.place)
    const resumable = this.#canGoBack() || (worth && !this.#broken)
    if (!resumable) await this.#keeper.forget()
    yield this.#broke(resumable)
    throw divergence
  }

  #broke(resumable: boolean): RunEvent {
    const { options, training, changed, earlierRate } = this.#job
    const rate = options.lr ?? training.optimizer.lr
    const advice = adviceAfter(options, rate, changed, earlierRate, resumable)
    return { type: 'broken', step: this.#keeper.step, ...advice }
  }

  /** Whether a training that broke can be resumed from its last checkpoint with other options. */
  #canGoBack(): boolean {
    return this.#keeper.step > 0 && !this.#broken
  }

  async *#tell(seconds: number, model: M | undefined, checkpoint: string | undefined): AsyncGenerator<RunEvent, void> {
    const samples: string[] = []
    for (const sampler of model ? this.samplers(model) : []) {
      yield* this.#report.attempt(async () => samples.push(await sampler()))
    }
    const { perplexity, tokensPerSecond } = this.#report.epochs.at(-1) ?? {}
    const { step, epoch, ended, best } = this.training
    const reached = { epochs: this.#report.epochs.length, steps: step, epoch, perplexity, tokensPerSecond, seconds }
    yield { type: 'done', ...reached, samples, saved: model !== undefined, ended, best, checkpoint }
  }
}

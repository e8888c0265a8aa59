import { DataError, DivergenceError, FormatError, OptionError } from '../core/errors.js'
import { checkParts } from '../core/saved-state.js'
import { Turns } from '../core/turn.js'
import type { Batch, Corpus, SequenceData } from '../data/sequences.js'
import type { RNNModel } from '../nn/model.js'
import type { Module } from '../nn/module.js'
import type { RecurrentState } from '../nn/recurrent-state.js'
import { clipGradNorm, clipGradValue } from '../optim/clip.js'
import type { Optimizer } from '../optim/optimizer.js'
import { ReduceLROnPlateau } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import type { Tensor } from '../tensor/tensor.js'
import { type DrawStates, Draws } from './draws.js'
import { notFinite } from './finite.js'
import { checkListed } from './listed.js'
import { type BatchLoss, checkResult, type TrainingData } from './objective.js'
import {
  checkNumbers,
  checkProgress,
  type TrainingProgress,
  type TrainingState,
  tensorsUnder,
  underPrefix,
} from './progress.js'
import type { StepEvent, TrainEvent, ValidationEvent } from './training-events.js'
import { type CompleteOptions, checkTraining, type ObjectiveOptions } from './training-options.js'
import { UnreadSteps } from './unread.js'

/** The reason why a training is over. */
export type Ending = 'epochs' | 'signal' | 'patience'

/**
 * A training like the book's `train_ch8`: mean cross entropy, gradients clipped by their joint norm, SGD. With
 * sequential sampling the state is carried from batch to batch, detached, and is zero at the start of each epoch; with
 * random sampling it is zero at each batch. With another `objective` it trains any module on any batches.
 *
 * Between two events of `run`, `snapshot` returns everything that another training of the same model, data and options
 * needs to continue with the same bits; `restore` takes it.
 */
export class Training<
  M extends Module = RNNModel,
  B = Batch,
  D extends TrainingData<B> = SequenceData & TrainingData<B>,
  H = Corpus,
  C = RecurrentState,
> {
  readonly optimizer: Optimizer
  ended: Ending | undefined
  readonly #where: string
  readonly #options: CompleteOptions<M, B, D, H, C>
  readonly #parameters: Tensor[]
  readonly #draws: Draws<B>
  readonly #turns = new Turns()
  #running = false
  #lastGood: Record<string, Tensor>
  /** Which parameters these are, for messages. */
  #lastGoodOf = 'that it began with'
  #at: Omit<TrainingProgress, 'data' | 'generators' | 'optimizer' | 'schedule'>
  /** The value carried to the next batch of this epoch. */
  #carried: C | undefined
  readonly #unread = new UnreadSteps()
  /** The generators' states before the step in hand, and before its epoch if it is the first. */
  #beforeStep: DrawStates | undefined

  /**
   * @param where the function that the user called, for messages
   * @throws OptionError for an option that is unknown, out of range or without an effect, and for an optimizer or a
   *   schedule that belongs to something else; DataError for a held-out text of fewer than 2 tokens
   */
  constructor(
    readonly model: M,
    readonly data: D,
    options: ObjectiveOptions<M, B, D, H, C> = {},
    where = 'Training',
  ) {
    this.#where = where
    this.#options = checkTraining(where, model, data, options)
    this.#parameters = model.parameters()
    this.optimizer = options.optimizer ?? new SGD(this.#parameters, { lr: this.#options.lr })
    this.#draws = new Draws(data, [...(options.generators ?? []), ...model.generators()])
    this.#lastGood = model.stateDict()
    this.#at = { step: 0, epoch: 1, batch: 0, lossSum: 0, tokens: 0, gradNorm: 0, validated: 0 }
  }

  /** The number of optimizer steps made. */
  get step(): number {
    return this.#at.step
  }

  /** The current epoch, from 1. */
  get epoch(): number {
    return this.#at.epoch
  }

  /** The number of batches of the current epoch that are done. */
  get batch(): number {
    return this.#at.batch
  }

  /** The lowest loss on the held-out text so far, its step, and the number of validations since. */
  get best(): TrainingProgress['best'] {
    return this.#at.best
  }

  /**
   * Trains, and yields an event for each step, epoch and validation. Ends early, after a whole step, when `signal` is
   * aborted or `patience` is used up; see `ended`. If a run was stopped or failed, another run continues from the same
   * step.
   * @throws DivergenceError if the loss, that of the held-out text, or a parameter at the end is not finite; the model then
   *   has the parameters of the last good epoch, or those that it began with
   * @throws OptionError while another run of the same training is going on
   */
  async *run(): AsyncGenerator<TrainEvent, void> {
    this.#checkIdle('run')
    this.#running = true
    try {
      while (!this.isOver()) yield* this.#validationIsDue() ? this.#validate() : this.#epoch()
      await this.#checkParameters()
    } catch (error) {
      // Another run repeats the step with the same batches and the same dropout.
      if (this.#beforeStep) this.#draws.states = this.#beforeStep
      throw error
    } finally {
      this.#beforeStep = undefined
      this.#running = false
    }
  }

  /** Whether the training is over; `ended` then says why. */
  isOver(): boolean {
    const { epochs, patience, signal } = this.#options
    if (signal?.aborted) this.ended = 'signal'
    else if ((this.#at.best?.since ?? 0) >= patience) this.ended = 'patience'
    else if (this.#at.epoch > epochs && !this.#validationIsDue()) this.ended = 'epochs'
    return this.ended !== undefined
  }

  /** Everything that `restore` needs. Tensors are copies. */
  snapshot(): TrainingState {
    const { tensors, values } = this.optimizer.stateDict()
    const { carrying } = this.#options.objective
    const carried = this.#carried === undefined ? {} : carrying!.tensorsOf(this.#carried)
    const copies = Object.entries(carried).map(([name, tensor]) => [name, tensor.detach().clone()])
    return {
      tensors: {
        ...underPrefix('model', this.model.stateDict()),
        ...underPrefix('optimizer', tensors),
        ...underPrefix('state', Object.fromEntries(copies)),
      },
      progress: {
        ...this.#at,
        ...this.#draws.recorded(this.#at.batch),
        optimizer: values,
        schedule: this.#options.schedule?.stateDict() ?? {},
      },
    }
  }

  /**
   * Brings everything back to where it was when a snapshot was taken. Must not be called during a run.
   * @throws FormatError if the snapshot is of another model, optimizer or data, or if no training can have made it; the
   *   training is then unchanged
   */
  restore(saved: TrainingState): void {
    this.#checkIdle('restore')
    checkParts('Training.restore', saved, ['tensors', 'progress'], 'snapshot')
    const { tensors, progress } = saved
    checkNumbers('Training.restore', tensors)
    const checked = checkProgress('Training.restore', progress, this.data, this.#draws.count)
    const { carrying } = this.#options.objective
    const of = tensorsUnder('state', tensors)
    const carried = carrying?.from('Training.restore', this.model, this.data, checked.batch, of)
    const before = this.snapshot()
    try {
      this.#take({ tensors, progress: checked })
    } catch (error) {
      this.#take(before)
      if (!(error instanceof FormatError)) throw error
      throw new FormatError(`Training.restore: ${error.message}`)
    }
    this.#carried = carried
    this.#lastGood = this.model.stateDict()
    this.#lastGoodOf = 'that it was restored with'
    this.ended = undefined
  }

  #take({ tensors, progress }: TrainingState): void {
    const { data, generators, optimizer, schedule, ...at } = progress
    this.optimizer.loadStateDict({ tensors: tensorsUnder('optimizer', tensors), values: optimizer })
    this.model.loadStateDict(tensorsUnder('model', tensors))
    this.#options.schedule?.loadStateDict(schedule)
    this.#at = at
    // A run that failed may have left steps that nobody read.
    this.#unread.clear()
    this.#draws.restore({ data, generators })
  }

  #checkIdle(method: string): void {
    if (!this.#running) return
    throw new OptionError(
      `Training.${method}: the training is already running, expected it to be idle; wait for the end of its run(), or break out of the loop over it`,
    )
  }

  /** Runs the rest of the current epoch, or less if the training ends before. */
  async *#epoch(): AsyncGenerator<TrainEvent, void> {
    const { epochs, accumulate, schedule } = this.#options
    const at = this.#at
    const { epoch } = at
    const clock = { start: performance.now(), tokens: at.tokens }
    const speed = () => {
      const milliseconds = performance.now() - clock.start
      return milliseconds > 0 ? ((at.tokens - clock.tokens) * 1000) / milliseconds : 0
    }
    this.#beforeStep = this.#draws.states
    const batches = this.#draws.batches(at.batch)
    let next = batches.next()
    while (!next.done) {
      this.#beforeStep ??= this.#draws.states
      const sums: StepSums<C> = { losses: [], carried: this.#carried }
      // A part that the user put into eval() stays in that mode.
      if (!this.model.training) this.model.train()
      this.optimizer.zeroGrad()
      for (; sums.losses.length < accumulate && !next.done; next = batches.next()) this.#backward(next.value, sums)
      const known = await this.#update(sums, next.done === true)
      try {
        if (!(schedule instanceof ReduceLROnPlateau)) schedule?.step()
      } finally {
        // No steps are unread now, so a snapshot between these events is complete.
        for (const step of known) yield { type: 'step', epochs, tokensPerSecond: speed(), ...step }
      }
      if (this.#unread.any) continue
      if (this.#validationIsDue()) yield* this.#validate()
      if (this.isOver()) return
      await this.#turns.take()
    }
    if (at.tokens === 0)
      throw new DataError(
        `${this.#where}: a pass over the data has no batches, expected at least one; use more data, or a smaller batch`,
      )
    await this.#checkParameters()
    const loss = at.lossSum / at.tokens
    const { step, gradNorm } = at
    const sums = { loss, perplexity: Math.exp(loss), gradNorm, lr: this.optimizer.lr, tokensPerSecond: speed() }
    this.#lastGood = this.model.stateDict()
    this.#lastGoodOf = `of the end of epoch ${epoch}`
    this.#carried = undefined
    Object.assign(at, { epoch: epoch + 1, batch: 0, lossSum: 0, tokens: 0 })
    yield { type: 'epoch', epoch, epochs, step, ...sums }
  }

  /** Adds a batch's gradients to the present ones, and its loss and carried value to the sums of its step. */
  #backward(batch: B, sums: StepSums<C>): void {
    const { objective } = this.#options
    const result = objective.loss(this.model, batch, sums.carried, this.data)
    checkResult(this.#where, result, this.data.batchItems, objective.carrying !== undefined)
    result.loss.backward()
    checkListed(this.#where, this.#parameters)
    sums.carried = result.carried
    sums.losses.push(result)
  }

  /**
   * One step of the optimizer on summed gradients. Its loss and norm are read together with those of earlier steps,
   * every `readEvery` steps. With readEvery = 1 they are read before anything is changed.
   * @param last whether this is the last step of the epoch
   * @returns the steps whose numbers have been read by this call
   */
  async #update({ losses, carried }: StepSums<C>, last: boolean): Promise<KnownStep[]> {
    const { clip, clipValue } = this.#options
    const at = this.#at
    const count = losses.length
    if (count > 1) {
      for (const { device, gradStorage: grad } of this.#parameters) {
        if (grad) device.affine(grad, 1 / count, 0, grad)
      }
    }
    if (clipValue !== Infinity) clipGradValue(this.#parameters, clipValue)
    const norm = clipGradNorm(this.#parameters, clip)
    // What is wrong is noticed before the step is counted, so that it is made again once that is mended.
    this.optimizer.checkStep()
    const place = { epoch: at.epoch, step: at.step + 1, batch: at.batch + count, lr: this.optimizer.lr }
    const enough = this.#unread.add({ place, losses, norm })
    const known = last || enough ? await this.#read() : []
    this.#carried = carried
    this.#beforeStep = undefined
    at.step++
    at.batch += count
    at.tokens += losses.reduce((sum, { items }) => sum + items, 0)
    this.optimizer.step()
    return this.#validationIsDue() || this.isOver() ? [...known, ...(await this.#read())] : known
  }

  /** Reads the unread steps. @throws DivergenceError for the first one whose numbers are not finite */
  async #read(): Promise<KnownStep[]> {
    const steps = await this.#unread.read()
    return steps.map(({ place, lossSum, loss, gradNorm }) => {
      this.#checkFinite('the loss', loss, place.step, place.epoch)
      this.#checkFinite("the gradients' norm", gradNorm, place.step, place.epoch)
      this.#at.gradNorm = gradNorm
      this.#at.lossSum += lossSum
      return { ...place, loss, gradNorm }
    })
  }

  #checkFinite(what: string, value: number, step: number, epoch: number): void {
    if (Number.isFinite(value)) return
    this.model.loadStateDict(this.#lastGood)
    this.ended = undefined
    throw new DivergenceError(
      `${this.#where}: ${what} became ${value} at step ${step} (epoch ${epoch}); the model keeps the parameters ${this.#lastGoodOf}; try a smaller lr than ${this.optimizer.lr}, or a smaller clip`,
      step,
    )
  }

  /**
   * Checks what the last step made of the parameters, where no loss of a next one will show it. At the beginning of an
   * epoch they were checked already.
   */
  async #checkParameters(): Promise<void> {
    if (this.#at.batch === 0) return
    const value = (await notFinite(this.#parameters)) ?? 0
    this.#checkFinite('a parameter', value, this.#at.step, this.#epochOfStep)
  }

  /** The epoch of the last step. After the last step of an epoch, the current epoch is already the next one. */
  get #epochOfStep(): number {
    const { epoch, batch } = this.#at
    return batch === 0 ? epoch - 1 : epoch
  }

  /** Whether a validation is due between steps. It depends only on the progress, so it is the same after `restore`. */
  #validationIsDue(): boolean {
    const { validation, epochs } = this.#options
    const { step, epoch, batch, validated } = this.#at
    if (!validation || validated === step) return false
    if (epoch > epochs) return true
    return validation.every === undefined ? batch === 0 : step % validation.every === 0
  }

  async *#validate(): AsyncGenerator<ValidationEvent, void> {
    const { objective, validation, schedule, signal } = this.#options
    const at = this.#at
    let loss: number
    try {
      loss = await objective.validate(this.model, validation!.corpus, this.data, signal)
    } catch (error) {
      if (signal?.aborted) return
      throw error
    }
    this.#checkFinite('the loss of the held-out text', loss, at.step, this.#epochOfStep)
    await this.#checkParameters()
    const best = at.best === undefined || loss < at.best.loss
    at.best = best ? { loss, step: at.step, since: 0 } : { ...at.best!, since: at.best!.since + 1 }
    at.validated = at.step
    try {
      if (schedule instanceof ReduceLROnPlateau) schedule.step(loss)
    } finally {
      yield { type: 'validation', epoch: this.#epochOfStep, step: at.step, loss, perplexity: Math.exp(loss), best }
    }
  }
}

/** The losses and the carried value of the batches of one step. */
interface StepSums<C> {
  losses: BatchLoss<C>[]
  /** The value carried to the next batch. */
  carried: C | undefined
}

/** A step's event without the fields that all of them share. */
type KnownStep = Omit<StepEvent, 'type' | 'epochs' | 'tokensPerSecond'>

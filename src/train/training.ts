import { checkNumber, checkWhole } from '../core/check.js'
import { DivergenceError, FormatError, OptionError } from '../core/errors.js'
import { defaultGenerator, type Generator, type GeneratorState } from '../core/random.js'
import { formatShape } from '../core/shape.js'
import { Turns } from '../core/turn.js'
import type { Batch, Corpus, SequenceData } from '../data/sequences.js'
import { kernels } from '../kernels/index.js'
import type { FloatArray } from '../kernels/kernels.js'
import type { RNNModel } from '../nn/model.js'
import { detachState, type RecurrentState } from '../nn/state.js'
import { clipGradNorm, clipGradValue } from '../optim/clip.js'
import type { Optimizer } from '../optim/optimizer.js'
import { ReduceLROnPlateau, type Schedule } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import { crossEntropy } from '../tensor/functions.js'
import { reachedWith } from '../tensor/listings.js'
import { Tensor } from '../tensor/tensor.js'
import { evaluateCorpus } from './evaluate.js'
import type { TrainEvent, ValidationEvent } from './events.js'
import { type TrainingProgress, type TrainingState, tensorsUnder, underPrefix } from './state.js'

export interface TrainStepsOptions {
  /** Learning rate of SGD. Default 1. */
  lr?: number
  /** Passes over the data. Default 500. */
  epochs?: number
  /** Largest norm of all gradients together; Infinity leaves them alone. Default 1. */
  clip?: number
  /** Largest absolute value of any gradient, clipped before the norm. Default Infinity. */
  clipValue?: number
  /** Batches whose gradients are averaged for one step of the optimizer. Default 1. */
  accumulate?: number
  /** Instead of SGD at `lr`. */
  optimizer?: Optimizer
  /** Changes the learning rate after each step, or `ReduceLROnPlateau` after each validation. */
  schedule?: Schedule
  /** A held-out text, which is evaluated with the state carried through it. */
  validation?: ValidationOptions
  /** Ends the training after so many validations without a new lowest loss. Default Infinity. */
  patience?: number
  /** What dropout draws from, for `snapshot`. Default: the one that `manualSeed` restarts. */
  generators?: readonly Generator[]
  /** Stops the training after the step in hand. */
  signal?: AbortSignal
}

export interface ValidationOptions {
  corpus: Corpus
  /** Steps from one validation to the next. Default: one at the end of each epoch. There is always one at the end. */
  every?: number
}

type Numbers = 'epochs' | 'clip' | 'clipValue' | 'accumulate' | 'patience'

/** Why a training is over; undefined while it is not. */
export type Ending = 'epochs' | 'signal' | 'patience'

/**
 * A training as the book's `train_ch8`: mean cross entropy, gradients clipped by their common norm, SGD. Under
 * sequential sampling the state is carried from batch to batch, detached, and zero at each epoch; under
 * random sampling it is zero at each batch.
 *
 * Between two events of `run`, `snapshot` has all that another training of the same model, data and options
 * needs (`restore`) to make the same bits as this one.
 */
export class Training<S extends RecurrentState = RecurrentState> {
  readonly optimizer: Optimizer
  ended: Ending | undefined
  readonly #options: TrainStepsOptions & Required<Pick<TrainStepsOptions, Numbers>>
  readonly #parameters: Tensor[]
  readonly #generators: readonly Generator[]
  readonly #turns = new Turns()
  #lastGood: Record<string, Tensor>
  #at: Omit<TrainingProgress, 'data' | 'generators' | 'optimizer' | 'schedule'>
  #state: S | undefined
  #epochStart: GeneratorState
  /** What the generators are set to once the data of a restored epoch has drawn. */
  #restored: GeneratorState[] | undefined

  /** @throws OptionError for an option out of range */
  constructor(
    readonly model: RNNModel<S>,
    readonly data: SequenceData,
    options: TrainStepsOptions = {},
  ) {
    const { lr = 1, epochs = 500, clip = 1, clipValue = Infinity, accumulate = 1, patience = Infinity } = options
    for (const [name, value] of Object.entries({ epochs, accumulate })) checkWhole('train', name, value)
    checkNumber('train', 'lr', lr, 0)
    for (const [name, value] of Object.entries({ clip, clipValue })) {
      if (value !== Infinity) checkNumber('train', name, value, Number.MIN_VALUE)
    }
    if (patience !== Infinity) {
      checkWhole('train', 'patience', patience)
      if (!options.validation) throw new OptionError('train: patience needs a held-out text, expected validation')
    }
    if (options.validation?.every !== undefined) checkWhole('train', 'validation.every', options.validation.every)
    this.#parameters = model.parameters()
    this.optimizer = options.optimizer ?? new SGD(this.#parameters, { lr })
    this.#generators = options.generators ?? [defaultGenerator()]
    this.#options = { ...options, epochs, clip, clipValue, accumulate, patience }
    this.#lastGood = model.stateDict()
    this.#epochStart = data.generator.state
    this.#at = { step: 0, epoch: 1, batch: 0, lossSum: 0, tokens: 0, gradNorm: 0, validated: 0 }
  }

  /** Optimizer steps made. */
  get step(): number {
    return this.#at.step
  }

  /** The epoch at hand, from 1. */
  get epoch(): number {
    return this.#at.epoch
  }

  /** Batches of the epoch at hand that are done. */
  get batch(): number {
    return this.#at.batch
  }

  /** The lowest loss on the held-out text so far, its step, and the number of validations since. */
  get best(): TrainingProgress['best'] {
    return this.#at.best
  }

  /**
   * Trains, as events: one a step, one an epoch, one a validation. Ends early, after a whole step, when `signal`
   * is aborted or `patience` is used up; see `ended`.
   * @throws DivergenceError when the loss, or that of the held-out text, is not finite; the model then has the
   *   parameters of the last epoch that ended well
   */
  async *run(): AsyncGenerator<TrainEvent, void> {
    while (!this.isOver()) yield* this.#validationIsDue() ? this.#validate() : this.#epoch()
  }

  /** Whether nothing is left to do; `ended` then says why. */
  isOver(): boolean {
    const { epochs, patience, signal } = this.#options
    if (signal?.aborted) this.ended = 'signal'
    else if ((this.#at.best?.since ?? 0) >= patience) this.ended = 'patience'
    else if (this.#at.epoch > epochs && !this.#validationIsDue()) this.ended = 'epochs'
    return this.ended !== undefined
  }

  /** All that `restore` needs. Tensors are copies. */
  snapshot(): TrainingState {
    const { tensors, values } = this.optimizer.stateDict()
    const state: Record<string, Tensor> =
      this.#state === undefined ? {} : this.#state instanceof Tensor ? { h: this.#state } : { ...this.#state }
    const copies = Object.entries(state).map(([name, tensor]) => [name, tensor.detach().clone()])
    return {
      tensors: {
        ...underPrefix('model', this.model.stateDict()),
        ...underPrefix('optimizer', tensors),
        ...underPrefix('state', Object.fromEntries(copies)),
      },
      progress: {
        ...this.#at,
        data: [...this.#epochStart],
        generators: this.#generators.map(({ state }) => [...state]),
        optimizer: values,
        schedule: this.#options.schedule?.stateDict() ?? {},
      },
    }
  }

  /** Goes on from a snapshot, before `run`. @throws FormatError where it is of another model, optimizer or data */
  restore({ tensors, progress }: TrainingState): void {
    const { data, generators, optimizer, schedule, ...at } = progress
    if (generators.length !== this.#generators.length) {
      throw new FormatError(
        `Training.restore: there are ${generators.length} generators, expected ${this.#generators.length}`,
      )
    }
    this.optimizer.loadStateDict({ tensors: tensorsUnder('optimizer', tensors), values: optimizer })
    this.model.loadStateDict(tensorsUnder('model', tensors))
    this.#options.schedule?.loadStateDict(schedule)
    const { h, c } = tensorsUnder('state', tensors)
    this.#state = (c ? { h, c } : h) as S | undefined
    this.#at = at
    this.#lastGood = this.model.stateDict()
    this.#epochStart = data
    this.data.generator.state = data
    this.#restored = generators
  }

  /** The rest of the epoch at hand, or as much of it as the training lasts. */
  async *#epoch(): AsyncGenerator<TrainEvent, void> {
    const { epochs, accumulate } = this.#options
    const at = this.#at
    const { epoch } = at
    const clock = { start: performance.now(), tokens: at.tokens }
    const speed = () => ((at.tokens - clock.tokens) * 1000) / (performance.now() - clock.start)
    const batches = this.data.batches(at.batch)
    let next = batches.next()
    this.#restored?.forEach((state, i) => {
      this.#generators[i].state = state
    })
    this.#restored = undefined
    while (!next.done) {
      const { lr } = this.optimizer
      const { lossSum, tokens } = at
      let count = 0
      // A part that its user put into eval() stays there.
      if (!this.model.training) this.model.train()
      this.optimizer.zeroGrad()
      for (; count < accumulate && !next.done; next = batches.next(), count++) await this.#backward(next.value)
      const loss = (at.lossSum - lossSum) / (at.tokens - tokens)
      this.#update(loss, count)
      const { step, batch, gradNorm } = at
      yield { type: 'step', epoch, epochs, step, batch, loss, lr, gradNorm, tokensPerSecond: speed() }
      if (this.#validationIsDue()) yield* this.#validate()
      if (this.isOver()) return
      await this.#turns.take()
    }
    const loss = at.lossSum / at.tokens
    const { step, gradNorm } = at
    const sums = { loss, perplexity: Math.exp(loss), gradNorm, lr: this.optimizer.lr, tokensPerSecond: speed() }
    this.#lastGood = this.model.stateDict()
    this.#state = undefined
    this.#epochStart = this.data.generator.state
    Object.assign(at, { epoch: epoch + 1, batch: 0, lossSum: 0, tokens: 0 })
    yield { type: 'epoch', epoch, epochs, step, ...sums }
  }

  /** Adds a batch's gradients to those that are there. */
  async #backward({ x, y }: Batch): Promise<void> {
    const carried = this.data.sampling === 'sequential' && this.#state ? detachState(this.#state) : undefined
    const { output, state } = this.model.forward(x, carried)
    this.#state = state
    const loss = crossEntropy(output, y.T.reshape(-1))
    loss.backward()
    this.#checkListed()
    this.#at.lossSum += (await loss.item()) * y.size
    this.#at.tokens += y.size
  }

  /** @throws OptionError where the loss came from parameters that the model does not list, as in private fields */
  #checkListed(): void {
    const known = new Set(this.#parameters)
    const hidden = [...reachedWith(known)].find((leaf) => !known.has(leaf as Tensor))
    if (!hidden) return
    throw new OptionError(
      `train: the model has a parameter of the shape ${formatShape(hidden.shape)} that its parameters() do not list, so it is neither trained nor saved; put it into a field that is not private (#name), or freeze it with requiresGrad_(false)`,
    )
  }

  /** One step of the optimizer, on the gradients of `count` batches. */
  #update(loss: number, count: number): void {
    const { clip, clipValue, schedule } = this.#options
    const at = this.#at
    if (count > 1) {
      for (const { grad } of this.#parameters) {
        const values = grad?.data as FloatArray | undefined
        if (values) kernels().affine(values, 1 / count, 0, values)
      }
    }
    if (clipValue !== Infinity) clipGradValue(this.#parameters, clipValue)
    at.gradNorm = clipGradNorm(this.#parameters, clip)
    at.step++
    at.batch += count
    this.#checkFinite('the loss', loss)
    this.#checkFinite("the gradients' norm", at.gradNorm)
    this.optimizer.step()
    if (!(schedule instanceof ReduceLROnPlateau)) schedule?.step()
  }

  #checkFinite(what: string, value: number): void {
    if (Number.isFinite(value)) return
    this.model.loadStateDict(this.#lastGood)
    const { step } = this.#at
    throw new DivergenceError(
      `train: ${what} became ${value} at step ${step} (epoch ${this.#epochOfStep}); the model keeps the parameters of the last good epoch; try a smaller lr than ${this.optimizer.lr}, or a smaller clip`,
      step,
    )
  }

  /** The epoch of the last step: after an epoch's last one the next is at hand. */
  get #epochOfStep(): number {
    const { epoch, batch } = this.#at
    return batch === 0 ? epoch - 1 : epoch
  }

  /** Asked between steps, also after `restore`: what was due before a checkpoint and after it is the same. */
  #validationIsDue(): boolean {
    const { validation, epochs } = this.#options
    const { step, epoch, batch, validated } = this.#at
    if (!validation || validated === step) return false
    if (epoch > epochs) return true
    return validation.every === undefined ? batch === 0 : step % validation.every === 0
  }

  async *#validate(): AsyncGenerator<ValidationEvent, void> {
    const { validation, schedule, signal } = this.#options
    const { batchSize, numSteps } = this.data
    const at = this.#at
    const { loss } = await evaluateCorpus(this.model, validation!.corpus, { batchSize, numSteps, signal })
    if (signal?.aborted) return
    this.#checkFinite('the loss of the held-out text', loss)
    const best = at.best === undefined || loss < at.best.loss
    at.best = best ? { loss, step: at.step, since: 0 } : { ...at.best!, since: at.best!.since + 1 }
    at.validated = at.step
    if (schedule instanceof ReduceLROnPlateau) schedule.step(loss)
    yield { type: 'validation', epoch: this.#epochOfStep, step: at.step, loss, perplexity: Math.exp(loss), best }
  }
}

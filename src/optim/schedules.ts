import { checkArgument, checkNumber, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { describe } from '../core/describe.js'
import { FormatError, OptionError } from '../core/errors.js'
import { numberProblems } from '../core/saved-state.js'
import { Optimizer } from './optimizer.js'

/** Changes an optimizer's learning rates as a training goes on. */
export interface Schedule {
  /** To be called after the optimizer's steps, once a step or once an epoch: a schedule counts its calls. */
  step(loss?: number): void
  /** The optimizer whose learning rates it changes. */
  readonly optimizer?: Optimizer
  /** The optimizer's current learning rate (of its first group). */
  readonly lr: number
  /** All that the schedule needs to go on exactly, learning rates included. Holds finite numbers only. */
  stateDict(): Record<string, number>
  /**
   * Takes over `stateDict()` of a schedule with the same options, and sets the optimizer's learning rates. The
   * optimizer's own state may be loaded before or after.
   * @throws FormatError naming what is missing, what is unknown, and what is no number; nothing is changed then
   */
  loadStateDict(state: Readonly<Record<string, number>>): void
}

/** Leaves the learning rates alone. */
export class FixedLR implements Schedule {
  constructor(readonly optimizer: Optimizer) {
    checkOptimizer('FixedLR', optimizer)
  }

  get lr(): number {
    return this.optimizer.lr
  }

  step(): void {}

  stateDict(): Record<string, number> {
    return {}
  }

  loadStateDict(state: Readonly<Record<string, number>>): void {
    checkState('FixedLR', this.stateDict(), state)
  }
}

/**
 * Learning rates by a formula of the number of steps and each group's first learning rate, the one it had when
 * the schedule was made. So a learning rate set by hand lasts until the next step of the schedule.
 */
abstract class FormulaLR implements Schedule {
  #bases: number[]
  #steps = 0

  protected constructor(
    readonly optimizer: Optimizer,
    private readonly name: string,
    private readonly formula: (base: number, steps: number) => number,
  ) {
    checkOptimizer(name, optimizer)
    this.#bases = optimizer.groups.map(({ lr }) => lr)
    this.#set()
  }

  get lr(): number {
    return this.optimizer.lr
  }

  step(): void {
    this.#steps++
    this.#set()
  }

  stateDict(): Record<string, number> {
    return { step: this.#steps, ...numbered('base_lr', this.#bases) }
  }

  loadStateDict(state: Readonly<Record<string, number>>): void {
    checkState(this.name, this.stateDict(), state)
    this.#steps = state.step
    this.#bases = this.#bases.map((_, i) => state[`base_lr.${i}`])
    this.#set()
  }

  #set(): void {
    this.optimizer.groups.forEach((group, i) => {
      group.lr = this.formula(this.#bases[i], this.#steps)
    })
  }
}

/** When and by how much the learning rate falls. */
export interface StepLROptions {
  /** Steps of the schedule from one change to the next. */
  stepSize: number
  /** Factor of each change. Default 0.1. */
  gamma?: number
}

const stepOptions: OptionKinds<StepLROptions> = { stepSize: 'any', gamma: 'any' }

/** lr · gamma^⌊steps / stepSize⌋: PyTorch's StepLR. */
export class StepLR extends FormulaLR {
  constructor(optimizer: Optimizer, options: StepLROptions) {
    checkOptions('StepLR', options, stepOptions)
    const { stepSize, gamma = 0.1 } = options
    checkWhole('StepLR', 'stepSize', stepSize)
    checkNumber('StepLR', 'gamma', gamma, 0)
    super(optimizer, 'StepLR', (base, steps) => base * gamma ** Math.floor(steps / stepSize))
  }
}

/** Length and end of a cosine schedule. */
export interface CosineLROptions {
  /** Steps until the learning rate is `minLr`, those of the warm-up included. */
  totalSteps: number
  /** Steps before the full learning rate. Default 0. */
  warmupSteps?: number
  /** The last learning rate, of every group. Default 0. */
  minLr?: number
}

const cosineOptions: OptionKinds<CosineLROptions> = { totalSteps: 'any', warmupSteps: 'any', minLr: 'any' }

/**
 * Linear warm-up, then half a cosine, then minLr for ever. With W = warmupSteps and T = totalSteps, after t steps:
 *
 * - t < W: lr · (t + 1) / (W + 1), which is above 0 at the first step and below lr at the last;
 * - W ≤ t ≤ T: minLr + (lr − minLr) · (1 + cos(π (t − W) / (T − W))) / 2.
 *
 * Up to T it is PyTorch's `SequentialLR(optimizer, [LinearLR(optimizer, start_factor=1 / (W + 1), total_iters=W),
 * CosineAnnealingLR(optimizer, T_max=T - W, eta_min=minLr)], milestones=[W])`, and without warm-up CosineAnnealingLR,
 * which would rise again after T.
 */
export class CosineLR extends FormulaLR {
  constructor(optimizer: Optimizer, options: CosineLROptions) {
    checkOptions('CosineLR', options, cosineOptions)
    const { totalSteps, warmupSteps = 0, minLr = 0 } = options
    checkWhole('CosineLR', 'totalSteps', totalSteps)
    checkWhole('CosineLR', 'warmupSteps', warmupSteps, 0, totalSteps - 1)
    checkNumber('CosineLR', 'minLr', minLr, 0)
    super(optimizer, 'CosineLR', (base, steps) => {
      if (steps < warmupSteps) return (base * (steps + 1)) / (warmupSteps + 1)
      const part = Math.min(1, (steps - warmupSteps) / (totalSteps - warmupSteps))
      return minLr + ((base - minLr) * (1 + Math.cos(Math.PI * part))) / 2
    })
  }
}

/** What counts as a plateau, and what follows on it. */
export interface PlateauOptions {
  /** Of each reduction. Default 0.1. */
  factor?: number
  /** Steps without a better loss that are passed over. Default 10. */
  patience?: number
  /** A loss is better below (1 − threshold) · the best one. Default 1e-4. */
  threshold?: number
  /** No learning rate is reduced below it. Default 0. */
  minLr?: number
}

const plateauOptions: OptionKinds<PlateauOptions> = { factor: 'any', patience: 'any', threshold: 'any', minLr: 'any' }

/** A reduction by less is not made: PyTorch's `eps`. */
const LEAST_REDUCTION = 1e-8

/**
 * PyTorch's ReduceLROnPlateau (mode 'min', threshold_mode 'rel', no cooldown): multiplies the learning rates by
 * `factor` once the loss was no better for more than `patience` steps, and counts anew.
 */
export class ReduceLROnPlateau implements Schedule {
  readonly factor: number
  readonly patience: number
  readonly threshold: number
  readonly minLr: number
  /** Until there is a loss, a number that every finite one is below, and that JSON can hold. */
  #best = Number.MAX_VALUE
  #badSteps = 0

  constructor(
    readonly optimizer: Optimizer,
    options: PlateauOptions = {},
  ) {
    checkOptimizer('ReduceLROnPlateau', optimizer)
    checkOptions('ReduceLROnPlateau', options, plateauOptions)
    const { factor = 0.1, patience = 10, threshold = 1e-4, minLr = 0 } = options
    checkNumber('ReduceLROnPlateau', 'factor', factor, 0)
    if (factor >= 1)
      throw new OptionError(`ReduceLROnPlateau: factor is ${factor}, expected a number below 1`, ['factor'])
    checkWhole('ReduceLROnPlateau', 'patience', patience, 0)
    checkNumber('ReduceLROnPlateau', 'threshold', threshold, 0, 1)
    checkNumber('ReduceLROnPlateau', 'minLr', minLr, 0)
    this.factor = factor
    this.patience = patience
    this.threshold = threshold
    this.minLr = minLr
  }

  get lr(): number {
    return this.optimizer.lr
  }

  /** @param loss the held-out loss; one that is NaN or infinite is no better. @throws OptionError without one */
  step(loss: number): void {
    if (typeof loss !== 'number') {
      throw new OptionError(`ReduceLROnPlateau.step: loss is ${describe(loss)}, expected the held-out loss as a number`)
    }
    if (Number.isFinite(loss) && loss < this.#best * (1 - this.threshold)) {
      this.#best = loss
      this.#badSteps = 0
    } else if (++this.#badSteps > this.patience) {
      this.#badSteps = 0
      for (const group of this.optimizer.groups) {
        const reduced = Math.max(group.lr * this.factor, this.minLr)
        if (group.lr - reduced > LEAST_REDUCTION) group.lr = reduced
      }
    }
  }

  stateDict(): Record<string, number> {
    const rates = this.optimizer.groups.map(({ lr }) => lr)
    return { best: this.#best, num_bad_epochs: this.#badSteps, ...numbered('lr', rates) }
  }

  loadStateDict(state: Readonly<Record<string, number>>): void {
    // A loss may be negative.
    checkState('ReduceLROnPlateau', this.stateDict(), state, -Infinity)
    this.#best = state.best
    this.#badSteps = state.num_bad_epochs
    this.optimizer.groups.forEach((group, i) => {
      group.lr = state[`lr.${i}`]
    })
  }
}

const checkOptimizer = (name: string, optimizer: unknown): void =>
  checkArgument(name, 'optimizer', optimizer, optimizer instanceof Optimizer, 'an Optimizer such as SGD or Adam')

const numbered = (name: string, values: readonly number[]): Record<string, number> =>
  Object.fromEntries(values.map((value, i) => [`${name}.${i}`, value]))

function checkState(
  name: string,
  own: Readonly<Record<string, number>>,
  given: Readonly<Record<string, number>>,
  min?: number,
): void {
  if (typeof given !== 'object' || given === null) {
    throw new FormatError(`${name}.loadStateDict: the state is ${describe(given)}, expected what stateDict() gives`)
  }
  const problems = numberProblems(own, given, min)
  if (problems.length > 0) throw new FormatError(`${name}.loadStateDict: ${problems.join('; ')}`)
}

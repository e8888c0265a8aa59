import { checkArgument, checkNumber, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { describe } from '../core/describe.js'
import { FormatError, OptionError } from '../core/errors.js'
import { numberProblems } from '../core/saved-state.js'
import { Optimizer } from './optimizer.js'

/** Changes an optimizer's learning rates as a training goes on. */
export interface Schedule {
  /** Call this after the optimizer's steps, once a step or once an epoch: a schedule counts its calls. */
  step(loss?: number): void
  /** The optimizer whose learning rates it changes. */
  readonly optimizer?: Optimizer
  /** The optimizer's current learning rate (of its first group). */
  readonly lr: number
  /** Everything that the schedule needs to continue exactly, including learning rates. Holds only finite numbers. */
  stateDict(): Record<string, number>
  /**
   * Loads the `stateDict()` of a schedule with the same options, and sets the optimizer's learning rates. The
   * optimizer's own state may be loaded before or after.
   * @throws FormatError that lists missing and unknown names and values that are not numbers; nothing is changed then
   */
  loadStateDict(state: Readonly<Record<string, number>>): void
}

/** Does not change the learning rates. */
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
 * Computes learning rates by a formula from the number of steps and each group's base learning rate, which is the one
 * it had when the schedule was made. A learning rate set by hand therefore lasts until the schedule's next step.
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

/** Options of StepLR: when and by how much the learning rate falls. */
export interface StepLROptions {
  /** The number of the schedule's steps from one change to the next. */
  stepSize: number
  /** The factor of each change. Default 0.1. */
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

/** Options of CosineLR. */
export interface CosineLROptions {
  /** The number of steps until the learning rate is `minLr`, including the warm-up. */
  totalSteps: number
  /** The number of steps before the full learning rate. Default 0. */
  warmupSteps?: number
  /** The final learning rate of every group. Default 0. */
  minLr?: number
}

const cosineOptions: OptionKinds<CosineLROptions> = { totalSteps: 'any', warmupSteps: 'any', minLr: 'any' }

/**
 * Linear warm-up, then half a cosine, then minLr forever. With W = warmupSteps and T = totalSteps, after t steps:
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

/** Options of ReduceLROnPlateau. */
export interface PlateauOptions {
  /** The factor of each reduction. Default 0.1. */
  factor?: number
  /** The number of steps without a better loss that are tolerated. Default 10. */
  patience?: number
  /** A loss counts as better if it is below (1 − threshold) · the best one. Default 1e-4. */
  threshold?: number
  /** No learning rate is reduced below this. Default 0. */
  minLr?: number
}

const plateauOptions: OptionKinds<PlateauOptions> = { factor: 'any', patience: 'any', threshold: 'any', minLr: 'any' }

/** Smaller reductions are not made; this is PyTorch's `eps`. */
const LEAST_REDUCTION = 1e-8

/**
 * PyTorch's ReduceLROnPlateau (mode 'min', threshold_mode 'rel', no cooldown): multiplies the learning rates by
 * `factor` after more than `patience` steps without a better loss, and then starts counting again.
 */
export class ReduceLROnPlateau implements Schedule {
  readonly factor: number
  readonly patience: number
  readonly threshold: number
  readonly minLr: number
  /** The best loss so far; at first a number that is above any loss and that JSON can hold. */
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

  /** @param loss the held-out loss; NaN or infinity never counts as better. @throws OptionError without a loss */
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
    throw new FormatError(`${name}.loadStateDict: the state is ${describe(given)}, expected the result of stateDict()`)
  }
  const problems = numberProblems(own, given, min)
  if (problems.length > 0) throw new FormatError(`${name}.loadStateDict: ${problems.join('; ')}`)
}

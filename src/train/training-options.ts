import { checkArgument, checkMethods, checkNumber, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import type { Corpus } from '../data/sequences.js'
import { Module } from '../nn/module.js'
import { Optimizer } from '../optim/optimizer.js'
import { ReduceLROnPlateau, type Schedule } from '../optim/schedules.js'
import { languageModeling } from './language.js'
import type { Objective, TrainingData } from './objective.js'

/** How a model is trained. */
export interface TrainStepsOptions {
  /** The learning rate of SGD. Default 1. */
  lr?: number
  /** The number of passes over the data. Default 500. */
  epochs?: number
  /** The largest norm of all gradients together; Infinity turns clipping off. Default 1. */
  clip?: number
  /** The largest absolute value in any gradient; this clipping comes before that of the norm. Default Infinity. */
  clipValue?: number
  /** The number of batches whose gradients are averaged for one step of the optimizer. Default 1. */
  accumulate?: number
  /**
   * The optimizer to use instead of SGD at `lr`. Its parameters must be the model's; parameters of the model that it
   * does not have are not trained.
   */
  optimizer?: Optimizer
  /** Changes the learning rate of `optimizer` after each step, or `ReduceLROnPlateau` after each validation. */
  schedule?: Schedule
  /** A held-out text, which is evaluated with the state carried through it. */
  validation?: ValidationOptions
  /** The training ends after this many validations without a new lowest loss. Default Infinity. */
  patience?: number
  /** Generators for `snapshot` to save besides those that `model.generators()` lists. */
  generators?: readonly Generator[]
  /** Stops the training after the current step. */
  signal?: AbortSignal
}

/** How any model is trained on any data: `TrainStepsOptions` with an objective. */
export interface ObjectiveOptions<M extends Module, B, D extends TrainingData<B>, H, C>
  extends Omit<TrainStepsOptions, 'validation'> {
  /** The loss to minimize. Default: language modelling, of an `RNNModel` on a text. */
  objective?: Objective<M, B, D, H, C>
  /** The held-out data, as the objective takes them. */
  validation?: ValidationOptions<H>
}

/** The held-out data, and how often the model is evaluated on them. */
export interface ValidationOptions<H = Corpus> {
  /** The held-out data; for a language model, a text as token numbers. */
  corpus: H
  /** Steps between validations. Default: one validation at the end of each epoch. The last step always has one. */
  every?: number
}

export const trainStepsOptions: OptionKinds<TrainStepsOptions> = {
  lr: 'any',
  epochs: 'any',
  clip: 'any',
  clipValue: 'any',
  accumulate: 'any',
  optimizer: 'any',
  schedule: 'any',
  validation: 'any',
  patience: 'any',
  generators: 'any',
  signal: 'signal',
}
const validationOptions: OptionKinds<ValidationOptions<unknown>> = { corpus: 'any', every: 'any' }

/** The options of a training with their defaults. */
export type CompleteOptions<M extends Module, B, D extends TrainingData<B>, H, C> = ObjectiveOptions<M, B, D, H, C> &
  Required<
    Pick<
      ObjectiveOptions<M, B, D, H, C>,
      'objective' | 'lr' | 'epochs' | 'clip' | 'clipValue' | 'accumulate' | 'patience'
    >
  >

/**
 * Checks the parts and options of a training.
 * @param where the function that the user called
 * @throws OptionError for an option that is unknown, out of range or without effect, and for an optimizer or a
 *   schedule that belongs to something else; DataError for a held-out text of fewer than 2 tokens
 */
export function checkTraining<M extends Module, B, D extends TrainingData<B>, H, C>(
  where: string,
  model: M,
  data: D,
  options: ObjectiveOptions<M, B, D, H, C>,
): CompleteOptions<M, B, D, H, C> {
  checkOptions(where, options, { ...trainStepsOptions, objective: 'any' })
  const { objective = languageModeling as unknown as Objective<M, B, D, H, C> } = options
  checkMethods(where, 'objective', objective, ['check', 'loss', 'validate'], 'an Objective such as languageModeling')
  if (options.objective !== undefined) {
    checkArgument(where, 'model', model, model instanceof Module, 'a Module')
    checkMethods(where, 'data', data, ['batches'], 'TrainingData, with batches')
    checkMethods(where, 'data.generator', data.generator, ['bits'], 'a Generator')
    checkWhole(where, 'data.batchItems', data.batchItems)
  }
  checkValidation(where, options)
  objective.check(where, model, data, options.validation)
  const { lr = 1, epochs = 500, clip = 1, clipValue = Infinity, accumulate = 1, patience = Infinity } = options
  for (const [name, value] of Object.entries({ epochs, accumulate })) checkWhole(where, name, value)
  checkNumber(where, 'lr', lr, 0)
  for (const [name, value] of Object.entries({ clip, clipValue })) {
    if (value !== Infinity) checkNumber(where, name, value, Number.MIN_VALUE)
  }
  if (patience !== Infinity) checkWhole(where, 'patience', patience)
  const { generators = [], schedule } = options
  checkArgument(where, 'generators', generators, Array.isArray(generators), 'an array of Generators')
  generators.forEach((generator, i) => {
    checkMethods(where, `generators[${i}]`, generator, ['bits'], 'a Generator')
  })
  if (schedule !== undefined) {
    checkMethods(where, 'schedule', schedule, ['step', 'stateDict', 'loadStateDict'], 'a schedule such as StepLR')
  }
  checkOptimizerOptions(where, model, options)
  return { ...options, objective, lr, epochs, clip, clipValue, accumulate, patience }
}

/** The options that are checked alike for any objective. */
type CheckedOptions = Omit<TrainStepsOptions, 'validation'> & { validation?: ValidationOptions<unknown> }

function checkValidation(where: string, { validation, patience, schedule }: CheckedOptions): void {
  if (validation !== undefined) {
    checkOptions(`${where}: validation`, validation, validationOptions)
    if (validation.every !== undefined) checkWhole(where, 'validation.every', validation.every)
    return
  }
  const needs = 'needs a held-out text, expected validation'
  if (patience !== undefined && patience !== Infinity) {
    throw new OptionError(`${where}: patience ${needs}`, ['patience', 'validation'])
  }
  if (schedule instanceof ReduceLROnPlateau) {
    throw new OptionError(`${where}: schedule is a ReduceLROnPlateau, which ${needs}`, ['schedule', 'validation'])
  }
}

function checkOptimizerOptions(where: string, model: Module, { lr, optimizer, schedule }: CheckedOptions): void {
  if (optimizer !== undefined) {
    checkArgument(where, 'optimizer', optimizer, optimizer instanceof Optimizer, 'an Optimizer')
    if (lr !== undefined) {
      throw new OptionError(
        `${where}: lr is given together with an optimizer, which has its own, expected only one of the two; set the optimizer's`,
        ['lr', 'optimizer'],
      )
    }
    const own = new Set(model.parameters())
    const others = optimizer.parameters.filter((parameter) => !own.has(parameter)).length
    if (others > 0) {
      throw new OptionError(
        `${where}: ${others} of the optimizer's ${optimizer.parameters.length} parameters are not the model's, expected an optimizer of model.parameters()`,
        ['optimizer'],
      )
    }
  }
  if (schedule?.optimizer !== undefined && schedule.optimizer !== optimizer) {
    throw new OptionError(
      `${where}: the schedule changes the learning rate of another optimizer, expected the training's optimizer; pass both, as in { optimizer, schedule: new StepLR(optimizer, …) }`,
      ['schedule', 'optimizer'],
    )
  }
}

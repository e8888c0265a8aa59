import { FormatError } from '../core/errors.js'
import { array, finite, object, optional, record, whole } from '../core/parse.js'
import { Generator, type GeneratorState } from '../core/random.js'
import type { Tensor } from '../tensor/tensor.js'
import type { TrainingData } from './objective.js'

const count = whole(0)
const numbers = record(finite)
const generator = array(finite)

/** Where a training is, as numbers that JSON keeps exactly. */
export interface TrainingProgress {
  /** Optimizer steps made. */
  step: number
  /** The epoch at hand, from 1. */
  epoch: number
  /** How many batches of the epoch at hand are done. */
  batch: number
  /** Sum of the losses of this epoch's tokens. */
  lossSum: number
  /** The number of this epoch's tokens. */
  tokens: number
  /** Norm of all gradients at the last step, before clipping. */
  gradNorm: number
  /** The data's generator as it was when this epoch began. */
  data: number[]
  /** The other generators as they are now. */
  generators: number[][]
  /** Numbers of the optimizer's state, by name. */
  optimizer: Record<string, number>
  /** Numbers of the schedule's state, by name. */
  schedule: Record<string, number>
  /** Step of the last validation; 0 before the first. */
  validated: number
  /** The lowest loss on the held-out text, its step, and how many validations came after it. */
  best?: { loss: number; step: number; since: number }
}

const progressSchema = object<TrainingProgress>({
  step: count,
  epoch: whole(1),
  batch: count,
  lossSum: finite,
  tokens: count,
  gradNorm: finite,
  data: generator,
  generators: array(generator),
  optimizer: numbers,
  schedule: numbers,
  validated: count,
  best: optional(object({ loss: finite, step: count, since: count })),
})

/**
 * All that a training needs to go on as if it had never stopped: `model.…`, `optimizer.…` and the carried
 * `state.…` as tensors, the rest as JSON.
 */
export interface TrainingState {
  tensors: Record<string, Tensor>
  progress: TrainingProgress
}

/** @param where the file's name, for messages @throws FormatError for what is no progress of a training */
export const parseProgress = (value: unknown, where: string): TrainingProgress => progressSchema(value, where)

/**
 * Checks that a training of this data can be where a progress says that it is.
 * @param where the function that the user called
 * @param generators how many the training has
 * @returns the progress
 * @throws FormatError that says which value is wrong
 */
export function checkProgress(
  where: string,
  value: unknown,
  { mostBatches, batchItems }: TrainingData<unknown>,
  generators: number,
): TrainingProgress {
  const progress = parseProgress(value, where)
  const { step, epoch, batch, tokens, lossSum, validated, best } = progress
  const expect = (isRight: boolean, name: string, found: number, expected: string) => {
    if (!isRight) throw new FormatError(`${where}: ${name} is ${found}, expected ${expected}`)
  }
  // Every epoch has a step at least.
  expect(epoch - 1 <= step, 'epoch', epoch, `at most ${step + 1} after ${step} steps`)
  expect(batch <= mostBatches, 'batch', batch, `at most ${mostBatches}, which is an epoch of this data`)
  const trained = batch * batchItems
  expect(tokens === trained, 'tokens', tokens, `${trained}, those of ${batch} batches of this data`)
  expect(batch > 0 || lossSum === 0, 'lossSum', lossSum, '0 before the first batch of an epoch')
  expect(validated <= step, 'validated', validated, `at most the ${step} steps that were made`)
  if (best) expect(best.step <= step, 'best.step', best.step, `at most the ${step} steps that were made`)
  expect(
    progress.generators.length === generators,
    'the number of generators',
    progress.generators.length,
    `${generators}, those that this training draws from`,
  )
  checkGenerator(where, 'data', progress.data)
  for (const [i, state] of progress.generators.entries()) checkGenerator(where, `generators.${i}`, state)
  return progress
}

function checkGenerator(where: string, name: string, state: GeneratorState): void {
  try {
    new Generator().state = state
  } catch (error) {
    throw new FormatError(`${where}: ${name}: ${(error as Error).message}`)
  }
}

/** The tensors whose names begin with `prefix` and a dot, without it. */
export function tensorsUnder(prefix: string, tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const start = `${prefix}.`
  const under = Object.entries(tensors).filter(([name]) => name.startsWith(start))
  return Object.fromEntries(under.map(([name, tensor]) => [name.slice(start.length), tensor]))
}

/** The tensors with `prefix` and a dot before their names. */
export function underPrefix(prefix: string, tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]))
}

import { FormatError } from '../core/errors.js'
import { array, finite, object, optional, record, whole } from '../core/parse.js'
import { Generator, type GeneratorState } from '../core/random.js'
import type { SavedTensor } from '../tensor/saved-tensors.js'
import { Tensor } from '../tensor/tensor.js'
import type { TrainingData } from './objective.js'

const count = whole(0)
const numbers = record(finite)
const generator = array(finite)

/** The progress of a training, as numbers that JSON keeps exactly. */
export interface TrainingProgress {
  /** The number of optimizer steps made. */
  step: number
  /** The current epoch, from 1. */
  epoch: number
  /** How many batches of the current epoch are done. */
  batch: number
  /** The sum of the losses of this epoch's tokens. */
  lossSum: number
  /** The number of this epoch's tokens. */
  tokens: number
  /** The norm of all gradients at the last step, before clipping. */
  gradNorm: number
  /** The state of the data's generator when this epoch began. */
  data: number[]
  /** The current states of the other generators. */
  generators: number[][]
  /** The numbers of the optimizer's state, by name. */
  optimizer: Record<string, number>
  /** The numbers of the schedule's state, by name. */
  schedule: Record<string, number>
  /** The step of the last validation; 0 before the first. */
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
 * Everything that a training needs to continue as if it had never stopped: `model.…`, `optimizer.…` and the carried
 * `state.…` as tensors, the rest as JSON.
 */
export interface TrainingState {
  tensors: Record<string, Tensor>
  progress: TrainingProgress
}

/** @param where the file's name, for messages @throws FormatError for anything but the progress of a training */
export const parseProgress = (value: unknown, where: string): TrainingProgress => progressSchema(value, where)

/**
 * Checks that a training on this data can have this progress.
 * @param where the function that the user called
 * @param generators how many generators the training has
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
  // Every epoch has at least one step.
  expect(epoch - 1 <= step, 'epoch', epoch, `at most ${step + 1} after ${step} steps`)
  expect(batch <= mostBatches, 'batch', batch, `at most ${mostBatches}, the batches in an epoch of this data`)
  const trained = batch * batchItems
  expect(tokens === trained, 'tokens', tokens, `${trained}, the tokens in ${batch} batches of this data`)
  expect(batch > 0 || lossSum === 0, 'lossSum', lossSum, '0 before the first batch of an epoch')
  expect(validated <= step, 'validated', validated, `at most the ${step} steps that were made`)
  if (best) expect(best.step <= step, 'best.step', best.step, `at most the ${step} steps that were made`)
  expect(
    progress.generators.length === generators,
    'the number of generators',
    progress.generators.length,
    `${generators}, as many as this training draws from`,
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

/**
 * Parameters are finite, as their own check says. An optimizer's averages may be infinite: that of Adam's squares is
 * after a gradient of 1e21, and the parameter then rests.
 * @throws FormatError for NaN in main memory, which no training leaves behind that can go on
 */
export function checkNumbers(where: string, tensors: Readonly<Record<string, SavedTensor>>): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor instanceof Tensor && tensor.device.kind !== 'cpu') continue
    if (!Array.prototype.some.call(Object(tensor).data ?? [], Number.isNaN)) continue
    throw new FormatError(
      `${where}: ${name} holds NaN, expected numbers; resume an earlier checkpoint, or train again with a smaller learning rate`,
    )
  }
}

/** The tensors with `prefix` and a dot before their names. */
export function underPrefix(prefix: string, tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]))
}

import * as v from 'valibot'
import { FormatError } from '../core/errors.js'
import type { Tensor } from '../tensor/tensor.js'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const numbers = v.record(v.string(), v.number())
const generator = v.array(v.number())

const progressSchema = v.object({
  /** Optimizer steps made. */
  step: count,
  /** The epoch at hand, from 1, and how many of its batches are done. */
  epoch: v.pipe(count, v.minValue(1)),
  batch: count,
  /** Sum of the losses of this epoch's tokens, and their number. */
  lossSum: v.number(),
  tokens: count,
  gradNorm: v.number(),
  /** The data's generator as it was when this epoch began. */
  data: generator,
  /** The others as they are now. */
  generators: v.array(generator),
  optimizer: numbers,
  schedule: numbers,
  /** Step of the last validation; 0 before the first. */
  validated: count,
  /** The lowest loss on the held-out text, its step, and how many validations came after it. */
  best: v.optional(v.object({ loss: v.number(), step: count, since: count })),
})

/** Where a training is, as numbers that JSON keeps exactly. */
export type TrainingProgress = v.InferOutput<typeof progressSchema>

/**
 * All that a training needs to go on as if it had never stopped: `model.…`, `optimizer.…` and the carried
 * `state.…` as tensors, the rest as JSON.
 */
export interface TrainingState {
  tensors: Record<string, Tensor>
  progress: TrainingProgress
}

/** @param where the file's name, for messages @throws FormatError for what is no progress of a training */
export function parseProgress(value: unknown, where: string): TrainingProgress {
  const { success, output, issues } = v.safeParse(progressSchema, value)
  if (success) return output
  throw new FormatError(`${where}: ${v.getDotPath(issues[0]) ?? 'the progress'}: ${issues[0].message}`)
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

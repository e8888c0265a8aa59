import { totalmem } from 'node:os'
import { OptionError } from '../core/errors.js'
import { cells } from '../device/cells.js'
import { kindOf, type ModelConfig, parameterCount } from '../formats/model.js'
import type { TrainingOptions } from './options.js'

/** Arrays of a parameter's size that an optimizer keeps. */
function moments({ optimizer, momentum }: TrainingOptions): number {
  if (optimizer === 'sgd') return momentum === 0 ? 0 : 1
  return optimizer === 'rmsprop' && momentum === 0 ? 1 : 2
}

/**
 * Bytes that a training needs at least: the parameters with their gradients, what the optimizer keeps of them, the
 * copy from the last good epoch, a checkpoint with its bytes, and the activations and scores of a batch.
 */
export function bytesOf(config: Omit<ModelConfig, 'format' | 'version'>, options: TrainingOptions): number {
  const { hiddenSize, numLayers, vocabSize } = config
  const kept = 1 + moments(options)
  const parameters = parameterCount(config) * (kept + 2 + 2 * kept)
  const tokens = options.batchSize * options.numSteps
  const gates = cells[kindOf(config)].gates.length
  const activations = tokens * (numLayers * hiddenSize * (gates + 1) + 2 * vocabSize)
  return 4 * (parameters + activations)
}

/** Bytes of memory that this process may use. */
export function memoryLimit(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

/** @throws OptionError where the machine's memory does not hold a training, before anything is made for it */
export function checkMemory(
  config: Omit<ModelConfig, 'format' | 'version'>,
  options: TrainingOptions,
  limit: number = memoryLimit(),
): void {
  const bytes = bytesOf(config, options)
  if (bytes <= limit) return
  const { numLayers, hiddenSize } = config
  const { batchSize, numSteps } = options
  throw new OptionError(
    `train: ${numLayers} ${numLayers === 1 ? 'layer' : 'layers'} of ${hiddenSize} units (${parameterCount(config)} parameters) in batches of ${batchSize} × ${numSteps} tokens need at least ${gigabytes(bytes)}, expected at most the ${gigabytes(limit)} of this machine; use a smaller --hidden-size, --num-layers, --batch-size or --num-steps`,
  )
}

const gigabytes = (bytes: number): string => `${Number((bytes / 2 ** 30).toPrecision(3))} GB of memory`

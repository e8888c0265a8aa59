import { platform } from '#platform'
import { OptionError } from '../core/errors.js'
import { cells } from '../device/cells.js'
import { kindOf, type ModelConfig, parameterCount } from '../formats/model-config.js'
import type { RunOptions } from './run-options.js'

/** Arrays of a parameter's size that an optimizer keeps. */
function moments({ optimizer, momentum }: RunOptions): number {
  if (optimizer === 'sgd') return momentum === 0 ? 0 : 1
  return optimizer === 'rmsprop' && momentum === 0 ? 1 : 2
}

/**
 * Bytes that a training needs at least: the parameters with their gradients, what the optimizer keeps of them, the
 * copy from the last good epoch, a checkpoint with its bytes, and the activations and scores of a batch.
 */
export function bytesOf(config: Omit<ModelConfig, 'format' | 'version'>, options: RunOptions): number {
  const { hiddenSize, numLayers, vocabSize } = config
  const kept = 1 + moments(options)
  const parameters = parameterCount(config) * (kept + 2 + 2 * kept)
  const tokens = options.batchSize * options.numSteps
  const gates = cells[kindOf(config)].gates.length
  const activations = tokens * (numLayers * hiddenSize * (gates + 1) + 2 * vocabSize)
  return 4 * (parameters + activations)
}

/**
 * @param limit bytes of memory that this process may use
 * @throws OptionError where the machine's memory does not hold a training, before anything is made for it
 */
export function checkMemory(
  where: string,
  config: Omit<ModelConfig, 'format' | 'version'>,
  options: RunOptions,
  limit: number = platform.memoryLimit(),
): void {
  const bytes = bytesOf(config, options)
  if (bytes <= limit) return
  const { numLayers, hiddenSize } = config
  const { batchSize, numSteps } = options
  throw new OptionError(
    `${where}: ${numLayers} ${numLayers === 1 ? 'layer' : 'layers'} of ${hiddenSize} units (${parameterCount(config)} parameters) in batches of ${batchSize} × ${numSteps} tokens need at least ${gigabytes(bytes)}, expected at most the ${gigabytes(limit)} of this machine; use a smaller hiddenSize, numLayers, batchSize or numSteps`,
    ['hiddenSize', 'numLayers', 'batchSize', 'numSteps'],
  )
}

const gigabytes = (bytes: number): string => `${Number((bytes / 2 ** 30).toPrecision(3))} GB of memory`

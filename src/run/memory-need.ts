import { platform } from '#platform'
import { checkWhole } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import { cells } from '../device/cells.js'
import { cellKindOf, type ModelConfig, parameterCount } from '../formats/model-config.js'
import type { RunOptions } from './run-options.js'

/** The number of arrays that an optimizer keeps for each parameter. */
function moments({ optimizer, momentum }: RunOptions): number {
  if (optimizer === 'sgd') return momentum === 0 ? 0 : 1
  return optimizer === 'rmsprop' && momentum === 0 ? 1 : 2
}

/**
 * The least memory that a training needs, in bytes: the parameters with their gradients, the optimizer's state, the
 * copy from the last good epoch, a checkpoint with its bytes, and the activations and scores of a batch.
 * @param perStep the numbers of each step of a sequence besides those of the layers. Default: its scores with their gradient
 */
export function memoryNeed(
  config: Omit<ModelConfig, 'format' | 'version'>,
  options: RunOptions,
  perStep?: number,
): number {
  const { hiddenSize, numLayers, vocabSize } = config
  const kept = 1 + moments(options)
  const parameters = parameterCount(config) * (kept + 2 + 2 * kept)
  const tokens = options.batchSize * options.numSteps
  const gates = cells[cellKindOf(config)].gates.length
  const activations = tokens * (numLayers * hiddenSize * (gates + 1) + (perStep ?? 2 * vocabSize))
  return 4 * (parameters + activations)
}

/**
 * @param limit bytes of memory that this process may use
 * @param limits the option that makes sequences shorter, the numbers as in `memoryNeed`, and where the longest sequence is
 * @throws OptionError for a size that is no whole number, and if a training does not fit into the machine's memory; called
 *   before anything is allocated
 */
export function checkMemory(
  where: string,
  config: Omit<ModelConfig, 'format' | 'version'>,
  options: RunOptions,
  limit: number = platform.memoryLimit(),
  { limitedBy = 'numSteps', perStep, longest }: { limitedBy?: string; perStep?: number; longest?: string } = {},
): void {
  const { numLayers, hiddenSize } = config
  const { batchSize, numSteps } = options
  const sizes = { hiddenSize, numLayers, batchSize, [limitedBy]: numSteps }
  for (const [name, size] of Object.entries(sizes)) checkWhole(where, name, size)
  const bytes = memoryNeed(config, options, perStep)
  if (bytes <= limit) return
  throw new OptionError(
    `${where}: ${numLayers} ${numLayers === 1 ? 'layer' : 'layers'} of ${hiddenSize} units (${parameterCount(config)} parameters) in batches of ${batchSize} × ${numSteps} ${limitedBy === 'window' ? 'steps' : 'tokens'} need at least ${gigabytes(bytes)}, expected at most the ${gigabytes(limit)} of this machine; ${longest ? `${longest}; ` : ''}use a smaller hiddenSize, numLayers, batchSize or ${limitedBy}`,
    ['hiddenSize', 'numLayers', 'batchSize', limitedBy],
  )
}

const gigabytes = (bytes: number): string => `${Number((bytes / 2 ** 30).toPrecision(3))} GB of memory`

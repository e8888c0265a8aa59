import { OptionError } from '../core/errors.js'
import { cells } from '../device/cells.js'
import type { Stepper } from '../device/device.js'
import type { Value } from '../tensor/value.js'
import { mapWeights, type StackWeights } from './cell-weights.js'
import { CheckedStepper } from './checked-stepper.js'
import { ResetBeforeStepper } from './reset-before-stepper.js'

/** @param what a layer or a model @throws OptionError for a bidirectional one, which cannot run token by token */
export function checkOneDirection(where: string, what: 'layer' | 'model', bidirectional: boolean): void {
  if (!bidirectional) return
  throw new OptionError(
    `${where}: the ${what} is bidirectional, expected one direction; its backward direction needs the text that is not generated yet`,
  )
}

/**
 * Prepares a language model, with its weights as they are now, to run token by token. The stepper checks what it is given.
 */
export function stackStepper(weights: StackWeights, batchSize: number): Stepper {
  const { equation, layers, weight, embedding } = weights
  const vocabSize = embedding?.shape[0] ?? layers[0].weightIh.shape[1]
  const kind = equation === 'gru_reset_before' ? 'GRU (reset before)' : cells[equation].name.toUpperCase()
  const name = `${layers[0].gainIh ? 'normalized ' : ''}${kind}`
  const origin = `${layers.length} ${name} layers of ${weight.shape[1]} units on ${weight.device.name}`
  return new CheckedStepper(uncheckedStepper(weights, batchSize), batchSize, vocabSize, origin)
}

/** The device's stepper, or ours for a cell that devices do not have. An embedding is merged into the first layer: W_ih (Eᵀ x) = (W_ih Eᵀ) x for one-hot x. */
function uncheckedStepper({ equation, layers, weight, bias, embedding }: StackWeights, batchSize: number): Stepper {
  const merged = layers.map((weights, layer) =>
    layer === 0 && embedding ? { ...weights, weightIh: product(weights.weightIh, embedding) } : weights,
  )
  if (equation === 'gru_reset_before') return new ResetBeforeStepper({ layers: merged, weight, bias }, batchSize)
  const fused = merged.map((weights) => {
    const { weightIh } = weights
    return {
      cell: equation,
      inputSize: weightIh.shape[1],
      hiddenSize: weight.shape[1],
      weights: mapWeights(weights, ({ storage }) => storage),
    }
  })
  const output = { weight: weight.storage, bias: bias?.storage, outFeatures: weight.shape[0] }
  return weight.device.stepper({ layers: fused, ...output }, batchSize)
}

/** a · bᵀ */
function product(a: Value, b: Value): Value {
  const { device } = a
  const [m, k] = a.shape
  const n = b.shape[0]
  const storage = device.zeros(m * n)
  device.matmul(a.storage, b.storage, storage, { m, n, k, transposeB: true })
  return { storage, shape: [m, n], device }
}

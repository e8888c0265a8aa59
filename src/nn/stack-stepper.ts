import { OptionError } from '../core/errors.js'
import { type CellKind, cells } from '../device/cells.js'
import type { Stepper } from '../device/device.js'
import type { Value } from '../tensor/value.js'
import { mapWeights, type StackWeights } from './cell-weights.js'
import { CheckedStepper } from './checked-stepper.js'

/** @param what a layer or a model @throws OptionError for a bidirectional one, which cannot run token by token */
export function checkOneDirection(where: string, what: 'layer' | 'model', bidirectional: boolean): void {
  if (!bidirectional) return
  throw new OptionError(
    `${where}: the ${what} is bidirectional, expected one direction; its backward direction needs the text that is not generated yet`,
  )
}

/** Makes the stepper of a stack whose embedding is merged into its first layer. */
export type MakeStepper = (weights: Omit<StackWeights, 'embedding'>, batchSize: number) => Stepper

/**
 * Prepares a language model, with its weights as they are now, to run token by token. The stepper checks what it is given.
 * An embedding is merged into the first layer: W_ih (Eᵀ x) = (W_ih Eᵀ) x for one-hot x.
 * @param make makes the stepper; by default, the device does
 */
export function stackStepper(
  { embedding, ...weights }: StackWeights,
  batchSize: number,
  make: MakeStepper = deviceStepper,
): Stepper {
  const { kind, weight } = weights
  const layers = weights.layers.map((own, layer) =>
    layer === 0 && embedding ? { ...own, weightIh: product(own.weightIh, embedding) } : own,
  )
  const vocabSize = layers[0].weightIh.shape[1]
  const special = kind === 'gru' && make !== deviceStepper ? 'reset-before ' : ''
  const name = `${special}${layers[0].gainIh ? 'normalized ' : ''}${cells[kind].name.toUpperCase()}`
  const origin = `${layers.length} ${name} layers of ${weight.shape[1]} units on ${weight.device.name}`
  return new CheckedStepper(make({ ...weights, layers }, batchSize), batchSize, vocabSize, origin)
}

const deviceStepper: MakeStepper = ({ kind, layers, weight, bias }, batchSize) => {
  const fused = layers.map((weights) => ({
    // Layers of other cells bring a stepper of their own.
    cell: kind as CellKind,
    inputSize: weights.weightIh.shape[1],
    hiddenSize: weight.shape[1],
    weights: mapWeights(weights, ({ storage }) => storage),
  }))
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

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
 * An embedding is merged into the first layer: W_ih (Eᵀ x) = (W_ih Eᵀ) x for one-hot x. So are the projections of LSTMs, into
 * all weights that multiply h: W h = (W W_hr) m.
 * @param make makes the stepper; by default, the device does
 */
export function stackStepper(
  { embedding, ...given }: StackWeights,
  batchSize: number,
  make: MakeStepper = deviceStepper,
): Stepper {
  const weights = withoutProjections(given)
  const { kind, weight } = weights
  const layers = weights.layers.map((own, layer) =>
    layer === 0 && embedding ? { ...own, weightIh: product(own.weightIh, embedding, true) } : own,
  )
  const vocabSize = layers[0].weightIh.shape[1]
  const special = kind === 'gru' && make !== deviceStepper ? 'reset-before ' : ''
  const more = [
    given.layers[0].weightHr && 'projected ',
    layers[0].weightCh && 'peephole ',
    layers[0].gainIh && 'normalized ',
  ]
  const name = `${special}${more.filter(Boolean).join('')}${cells[kind].name.toUpperCase()}`
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

/** The same model with LSTMs whose state is m, the hidden state before its projection. */
function withoutProjections(model: Omit<StackWeights, 'embedding'>): Omit<StackWeights, 'embedding'> {
  const last = model.layers.at(-1)!
  if (!last.weightHr) return model
  const layers = model.layers.map(({ weightHr, ...own }, layer) => {
    const below = model.layers[layer - 1]?.weightHr
    const weightIh = below ? product(own.weightIh, below) : own.weightIh
    return { ...own, weightIh, weightHh: product(own.weightHh, weightHr!) }
  })
  return { ...model, layers, weight: product(model.weight, last.weightHr) }
}

/** a · b, or a · bᵀ if b is to be transposed */
function product(a: Value, b: Value, transposeB = false): Value {
  const { device } = a
  const [m, k] = a.shape
  const n = b.shape[transposeB ? 0 : 1]
  const storage = device.zeros(m * n)
  device.matmul(a.storage, b.storage, storage, { m, n, k, transposeB })
  return { storage, shape: [m, n], device }
}

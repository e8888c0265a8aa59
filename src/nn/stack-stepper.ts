import { OptionError } from '../core/errors.js'
import { type CellKind, cells } from '../device/cells.js'
import type { RecurrentWeights, Stepper, Storage } from '../device/device.js'
import { CheckedStepper } from './checked-stepper.js'
import type { Matrix } from './matrix.js'
import { type CellWeights, mapWeights } from './unfused-cell.js'
import { UnfusedStepper } from './unfused-stepper.js'

/** @param what a layer or a model @throws OptionError for a bidirectional one, which cannot run token by token */
export function checkOneDirection(where: string, what: 'layer' | 'model', bidirectional: boolean): void {
  if (!bidirectional) return
  throw new OptionError(
    `${where}: the ${what} is bidirectional, expected one direction; its backward direction needs the text that is not generated yet`,
  )
}

/** The weights of a language model in one direction. */
export interface StackWeights {
  kind: CellKind
  layers: readonly CellWeights<Matrix>[]
  /** Those of the linear output, [vocabSize, hiddenSize] and [vocabSize]. */
  weight: Matrix
  bias?: Matrix
  /** The embedding of the tokens, [vocabSize, inputSize], unless they are one-hot. */
  embedding?: Matrix
}

/**
 * Prepares a language model, with its weights as they are now, to run token by token. The stepper checks what it is given.
 */
export function stackStepper(weights: StackWeights, batchSize: number): Stepper {
  const { kind, layers, weight, embedding } = weights
  const vocabSize = embedding?.rows ?? layers[0].weightIh.columns
  const name = `${layers[0].gainIh ? 'normalized ' : ''}${cells[kind].name.toUpperCase()}`
  const origin = `${layers.length} ${name} layers of ${weight.columns} units on ${weight.device.name}`
  return new CheckedStepper(uncheckedStepper(weights, batchSize), batchSize, vocabSize, origin)
}

/** The device's fused stepper, or one that follows the cells' equations if they are normalized. */
function uncheckedStepper({ kind, layers, weight, bias, embedding }: StackWeights, batchSize: number): Stepper {
  // An embedding is merged into the first layer: W_ih (Eᵀ x) = (W_ih Eᵀ) x for one-hot x.
  const merged = layers.map((weights, layer) =>
    layer === 0 && embedding ? { ...weights, weightIh: weights.weightIh.linear(embedding) } : weights,
  )
  if (layers[0].gainIh) {
    const copies = merged.map((weights) => mapWeights(weights, (matrix) => matrix.clone()))
    return new UnfusedStepper(kind, copies, weight.clone(), bias?.clone(), batchSize)
  }
  const fused = merged.map((weights) => ({
    cell: kind,
    inputSize: weights.weightIh.columns,
    hiddenSize: weight.columns,
    weights: mapWeights(weights, ({ storage }) => storage) satisfies RecurrentWeights<Storage>,
  }))
  const output = { weight: weight.storage, bias: bias?.storage, outFeatures: weight.rows }
  return weight.device.stepper({ layers: fused, ...output }, batchSize)
}

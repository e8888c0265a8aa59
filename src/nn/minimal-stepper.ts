import { cells } from '../device/cells.js'
import type { MinimalSizes, Stepper, Storage } from '../device/device.js'
import { minimalOf } from '../kernels/minimal.js'
import type { StackWeights } from './cell-weights.js'
import { type OperationLayer, OperationStepper, repeated, transposed } from './operation-stepper.js'
import { type MakeStepper, stackStepper } from './stack-stepper.js'

interface Layer extends OperationLayer {
  inputSize: number
  /** [inputSize, gates × hiddenSize] */
  weight: Storage
  /** Once for each sequence, [batchSize, gates × hiddenSize]. */
  bias: Storage | undefined
}

/** A step is a walk of one step. */
const make: MakeStepper = (weights, batchSize) => {
  const { kind, weight } = weights
  const { device, shape } = weight
  const hiddenSize = shape[1]
  const width = cells[kind].gates.length * hiddenSize
  const sizes = { cell: kind, numSteps: 1, batchSize, hiddenSize, reverse: false } as MinimalSizes
  const layers = weights.layers.map(({ weightIh, biasIh }): Layer => {
    const inputSize = weightIh.shape[1]
    return {
      inputSize,
      weight: transposed(device, weightIh.storage, 0, width, inputSize),
      bias: biasIh && repeated(device, biasIh.storage, 0, batchSize, width),
      h: device.zeros(batchSize * hiddenSize),
    }
  })
  const operations = minimalOf(device)
  const sums = device.zeros(batchSize * width)
  const after = device.zeros(batchSize * hiddenSize)

  const next = ({ inputSize, weight, bias, h }: Layer, x: Storage | Int32Array): Storage => {
    if (x instanceof Int32Array) device.gatherRows(weight, x, sums, width)
    else device.matmul(x, weight, sums, { m: batchSize, n: width, k: inputSize })
    if (bias) device.binary('add', sums, bias, sums)
    operations.forward(sizes, { sums, h0: h, h: after })
    return after
  }
  const ofLayers = layers.flatMap(({ weight, bias }) => (bias ? [weight, bias] : [weight]))
  return new OperationStepper(weights, batchSize, { layers, next, storages: [...ofLayers, sums, after] })
}

/** `stackStepper` for a layer whose gates depend on the input alone. */
export const minimalStepper = (weights: StackWeights, batchSize: number): Stepper =>
  stackStepper(weights, batchSize, make)

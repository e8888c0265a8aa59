import type { Device, Stepper, Storage } from '../device/device.js'
import type { StackWeights } from './cell-weights.js'
import { type OperationLayer, OperationStepper, repeated, transposed } from './operation-stepper.js'
import { type MakeStepper, stackStepper } from './stack-stepper.js'

/** The numbers of the gates among the rows of the weights. */
const [R, Z, N] = [0, 1, 2]

/** One layer, whose matrices are transposed for each gate by itself. */
interface Layer extends OperationLayer {
  inputSize: number
  /** [inputSize, hiddenSize] of each gate. */
  fromInput: Storage[]
  /** [hiddenSize, hiddenSize] of each gate. */
  fromState: Storage[]
  /** b_ih + b_hh of each gate, once for each sequence, [batchSize, hiddenSize]. */
  biases: Storage[] | undefined
}

const layersOf = (device: Device, layers: StackWeights['layers'], batchSize: number, hiddenSize: number): Layer[] => {
  const firsts = [R, Z, N].map((gate) => gate * hiddenSize)
  return layers.map(({ weightIh, weightHh, biasIh, biasHh }) => {
    const inputSize = weightIh.shape[1]
    const biasOf = (first: number): Storage => {
      const [y, other] = [biasIh!, biasHh!].map(({ storage }) =>
        repeated(device, storage, first, batchSize, hiddenSize),
      )
      device.binary('add', y, other, y)
      device.free(other)
      return y
    }
    return {
      inputSize,
      fromInput: firsts.map((first) => transposed(device, weightIh.storage, first, hiddenSize, inputSize)),
      fromState: firsts.map((first) => transposed(device, weightHh.storage, first, hiddenSize, hiddenSize)),
      biases: biasIh && firsts.map(biasOf),
      h: device.zeros(batchSize * hiddenSize),
    }
  })
}

/** GRUs that reset the state before its product with the weights, which no kernel has. */
const make: MakeStepper = (weights, batchSize) => {
  const { device, shape } = weights.weight
  const hiddenSize = shape[1]
  const layers = layersOf(device, weights.layers, batchSize, hiddenSize)
  const [r, z, n, product] = Array.from({ length: 4 }, () => device.zeros(batchSize * hiddenSize))

  /** y = f(W x + U state + b) for one gate, with f = tanh for n and σ for r and z. */
  const gateOf = (layer: Layer, gate: number, x: Storage | Int32Array, state: Storage, y: Storage): void => {
    const { inputSize, fromInput, fromState, biases } = layer
    const sizes = { m: batchSize, n: hiddenSize }
    if (x instanceof Int32Array) device.gatherRows(fromInput[gate], x, y, hiddenSize)
    else device.matmul(x, fromInput[gate], y, { ...sizes, k: inputSize })
    device.matmul(state, fromState[gate], product, { ...sizes, k: hiddenSize })
    device.binary('add', y, product, y)
    if (biases) device.binary('add', y, biases[gate], y)
    device.unary(gate === N ? 'tanh' : 'sigmoid', y, y)
  }

  const next = (layer: Layer, x: Storage | Int32Array): Storage => {
    const { h } = layer
    gateOf(layer, R, x, h, r)
    gateOf(layer, Z, x, h, z)
    device.binary('mul', r, h, r)
    gateOf(layer, N, x, r, n)
    // (1 − z) n + z h' = n + z (h' − n)
    device.binary('sub', h, n, r)
    device.binary('mul', z, r, z)
    device.binary('add', n, z, n)
    return n
  }
  const ofLayers = layers.flatMap(({ fromInput, fromState, biases = [] }) => [...fromInput, ...fromState, ...biases])
  return new OperationStepper(weights, batchSize, { layers, next, storages: [...ofLayers, r, z, n, product] })
}

/** `stackStepper` for a GRU that resets the state before its product with the weights. */
export const resetBeforeStepper = (weights: StackWeights, batchSize: number): Stepper =>
  stackStepper(weights, batchSize, make)

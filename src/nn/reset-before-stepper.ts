import type { Device, FloatArray, Stepper, StepState, Storage } from '../device/device.js'
import type { StackWeights } from './cell-weights.js'
import { type MakeStepper, stackStepper } from './stack-stepper.js'

/** The numbers of the gates among the rows of the weights. */
const [R, Z, N] = [0, 1, 2]

/** One layer, whose matrices are transposed for each gate by itself. */
interface Layer {
  inputSize: number
  /** [inputSize, hiddenSize] of each gate. */
  fromInput: Storage[]
  /** [hiddenSize, hiddenSize] of each gate. */
  fromState: Storage[]
  /** b_ih + b_hh of each gate, once for each sequence, [batchSize, hiddenSize]. */
  biases: Storage[] | undefined
  /** [batchSize, hiddenSize] */
  h: Storage
}

/**
 * GRUs that reset the state before its product with the weights, and a linear output, token by token, by the operations
 * of any device: no kernel has this cell. The first layer takes one-hot tokens.
 */
class ResetBeforeStepper implements Stepper {
  readonly #device: Device
  readonly #batchSize: number
  readonly #hiddenSize: number
  readonly #vocabSize: number
  readonly #layers: Layer[]
  /** The output's weight, transposed, [hiddenSize, vocabSize]. */
  readonly #weight: Storage
  readonly #bias: Storage | undefined
  /** Room for values of one step, [batchSize, hiddenSize] each. */
  readonly #gates: readonly Storage[]
  readonly #product: Storage
  readonly #scores: Storage

  constructor({ layers, weight, bias }: Pick<StackWeights, 'layers' | 'weight' | 'bias'>, batchSize: number) {
    const { device, shape } = weight
    const [vocabSize, hiddenSize] = shape
    const rows = (): Storage => device.zeros(batchSize * hiddenSize)
    /** Rows of a matrix from one on, as columns. */
    const transposed = (matrix: Storage, first: number, height: number, width: number): Storage => {
      const y = device.zeros(height * width)
      device.copy(matrix, at(first * width, 1, width), y, at(0, height, 1), [width, height])
      return y
    }
    /** Part of a vector in each row. */
    const repeated = (vector: Storage, first: number, width: number): Storage => {
      const y = device.zeros(batchSize * width)
      device.copy(vector, at(first, 0, 1), y, at(0, width, 1), [batchSize, width])
      return y
    }
    this.#device = device
    this.#batchSize = batchSize
    this.#hiddenSize = hiddenSize
    this.#vocabSize = vocabSize
    this.#layers = layers.map(({ weightIh, weightHh, biasIh, biasHh }) => {
      const inputSize = weightIh.shape[1]
      const firsts = [R, Z, N].map((gate) => gate * hiddenSize)
      const biasOf = (first: number): Storage => {
        const [y, other] = [biasIh!, biasHh!].map(({ storage }) => repeated(storage, first, hiddenSize))
        device.binary('add', y, other, y)
        device.free(other)
        return y
      }
      return {
        inputSize,
        fromInput: firsts.map((first) => transposed(weightIh.storage, first, hiddenSize, inputSize)),
        fromState: firsts.map((first) => transposed(weightHh.storage, first, hiddenSize, hiddenSize)),
        biases: biasIh && firsts.map(biasOf),
        h: rows(),
      }
    })
    this.#weight = transposed(weight.storage, 0, vocabSize, hiddenSize)
    this.#bias = bias && repeated(bias.storage, 0, vocabSize)
    this.#gates = [rows(), rows(), rows()]
    this.#product = rows()
    this.#scores = device.zeros(batchSize * vocabSize)
  }

  step(tokens: Int32Array, count = this.#batchSize): FloatArray | Promise<FloatArray> {
    const device = this.#device
    let x: Storage | Int32Array = tokens
    for (const layer of this.#layers) {
      const [r, z, n] = this.#gates
      const { h } = layer
      this.#gate(layer, R, x, h, r)
      this.#gate(layer, Z, x, h, z)
      device.binary('mul', r, h, r)
      this.#gate(layer, N, x, r, n)
      // (1 − z) n + z h' = n + z (h' − n), for the sequences that advance.
      device.binary('sub', h, n, r)
      device.binary('mul', z, r, z)
      device.binary('add', n, z, n)
      device.copy(n, at(0, 1), h, at(0, 1), [count * this.#hiddenSize])
      x = h
    }
    const sizes = { m: this.#batchSize, n: this.#vocabSize, k: this.#hiddenSize }
    const scores = this.#scores
    device.matmul(x as Storage, this.#weight, scores, sizes)
    if (this.#bias) device.binary('add', scores, this.#bias, scores)
    const advanced = (all: FloatArray): FloatArray => all.slice(0, count * this.#vocabSize)
    if (device.kind === 'cpu') return advanced(scores as FloatArray)
    return device.read(scores).then((all) => advanced(all as FloatArray))
  }

  /** y = f(W x + U state + b) for one gate, with f = tanh for n and σ for r and z. */
  #gate(layer: Layer, gate: number, x: Storage | Int32Array, state: Storage, y: Storage): void {
    const device = this.#device
    const { inputSize, fromInput, fromState, biases } = layer
    const [m, n] = [this.#batchSize, this.#hiddenSize]
    if (x instanceof Int32Array) device.gatherRows(fromInput[gate], x, y, n)
    else device.matmul(x, fromInput[gate], y, { m, n, k: inputSize })
    device.matmul(state, fromState[gate], this.#product, { m, n, k: n })
    device.binary('add', y, this.#product, y)
    if (biases) device.binary('add', y, biases[gate], y)
    device.unary(gate === N ? 'tanh' : 'sigmoid', y, y)
  }

  select(rows: Int32Array): void {
    for (const layer of this.#layers) {
      const before = layer.h
      layer.h = this.#device.zeros(before.length)
      this.#device.gatherRows(before, rows, layer.h, this.#hiddenSize)
      this.#device.free(before)
    }
  }

  stateOf(row: number): StepState {
    const width = this.#hiddenSize
    return this.#layers.map(({ h }) => {
      const y = this.#device.zeros(width)
      this.#device.copy(h, at(row * width, 1), y, at(0, 1), [width])
      return y
    })
  }

  setState(row: number, state: StepState | undefined): void {
    const width = this.#hiddenSize
    for (const [i, { h }] of this.#layers.entries()) {
      const values = (state?.[i] as Storage | undefined) ?? this.#device.zeros(width)
      this.#device.copy(values, at(0, 1), h, at(row * width, 1), [width])
    }
  }

  free(): void {
    const ofLayers = this.#layers.flatMap(({ fromInput, fromState, biases = [], h }) => [
      ...fromInput,
      ...fromState,
      ...biases,
      h,
    ])
    const others = [this.#weight, this.#bias, ...this.#gates, this.#product, this.#scores]
    for (const storage of [...ofLayers, ...others]) if (storage) this.#device.free(storage)
  }
}

const make: MakeStepper = (weights, batchSize) => new ResetBeforeStepper(weights, batchSize)

/** `stackStepper` for a GRU that resets the state before its product with the weights. */
export const resetBeforeStepper = (weights: StackWeights, batchSize: number): Stepper =>
  stackStepper(weights, batchSize, make)

const at = (offset: number, ...strides: number[]) => ({ offset, strides })

import type { Device, FloatArray, Stepper, StepState, Storage } from '../device/device.js'
import type { StackWeights } from './cell-weights.js'

/** A layer whose state is h, [batchSize, hiddenSize]. */
export interface OperationLayer {
  h: Storage
}

/** How a cell that no kernel has runs by the operations of any device. */
export interface OperationCell<Layer extends OperationLayer> {
  layers: readonly Layer[]
  /**
   * The next h of all sequences, [batchSize, hiddenSize], in a storage that the next call may overwrite.
   * @param x [batchSize, features], or tokens, which stand for one-hot rows
   */
  next(layer: Layer, x: Storage | Int32Array): Storage
  /** The storages to free besides the states. */
  storages: readonly Storage[]
}

/** Layers of such a cell and a linear output, token by token. The first layer takes one-hot tokens. */
export class OperationStepper<Layer extends OperationLayer> implements Stepper {
  readonly #device: Device
  readonly #batchSize: number
  readonly #hiddenSize: number
  readonly #vocabSize: number
  readonly #cell: OperationCell<Layer>
  /** The output's weight, transposed, [hiddenSize, vocabSize]. */
  readonly #weight: Storage
  readonly #bias: Storage | undefined
  readonly #scores: Storage

  constructor({ weight, bias }: Pick<StackWeights, 'weight' | 'bias'>, batchSize: number, cell: OperationCell<Layer>) {
    const { device, shape } = weight
    const [vocabSize, hiddenSize] = shape
    this.#device = device
    this.#batchSize = batchSize
    this.#hiddenSize = hiddenSize
    this.#vocabSize = vocabSize
    this.#cell = cell
    this.#weight = transposed(device, weight.storage, 0, vocabSize, hiddenSize)
    this.#bias = bias && repeated(device, bias.storage, 0, batchSize, vocabSize)
    this.#scores = device.zeros(batchSize * vocabSize)
  }

  step(tokens: Int32Array, count = this.#batchSize): FloatArray | Promise<FloatArray> {
    const device = this.#device
    let x: Storage | Int32Array = tokens
    for (const layer of this.#cell.layers) {
      const next = this.#cell.next(layer, x)
      // For the sequences that advance.
      device.copy(next, at(0, 1), layer.h, at(0, 1), [count * this.#hiddenSize])
      x = layer.h
    }
    const sizes = { m: this.#batchSize, n: this.#vocabSize, k: this.#hiddenSize }
    const scores = this.#scores
    device.matmul(x as Storage, this.#weight, scores, sizes)
    if (this.#bias) device.binary('add', scores, this.#bias, scores)
    const advanced = (all: FloatArray): FloatArray => all.slice(0, count * this.#vocabSize)
    if (device.kind === 'cpu') return advanced(scores as FloatArray)
    return device.read(scores).then((all) => advanced(all as FloatArray))
  }

  select(rows: Int32Array): void {
    for (const layer of this.#cell.layers) {
      const before = layer.h
      layer.h = this.#device.zeros(before.length)
      this.#device.gatherRows(before, rows, layer.h, this.#hiddenSize)
      this.#device.free(before)
    }
  }

  stateOf(row: number): StepState {
    const width = this.#hiddenSize
    return this.#cell.layers.map(({ h }) => {
      const y = this.#device.zeros(width)
      this.#device.copy(h, at(row * width, 1), y, at(0, 1), [width])
      return y
    })
  }

  setState(row: number, state: StepState | undefined): void {
    const width = this.#hiddenSize
    for (const [i, { h }] of this.#cell.layers.entries()) {
      const values = (state?.[i] as Storage | undefined) ?? this.#device.zeros(width)
      this.#device.copy(values, at(0, 1), h, at(row * width, 1), [width])
    }
  }

  free(): void {
    const { layers, storages } = this.#cell
    const others = [this.#weight, this.#bias, this.#scores]
    for (const storage of [...layers.map(({ h }) => h), ...storages, ...others]) {
      if (storage) this.#device.free(storage)
    }
  }
}

/** Rows of a matrix from one on, as columns: [width, height]. */
export function transposed(device: Device, matrix: Storage, first: number, height: number, width: number): Storage {
  const y = device.zeros(height * width)
  device.copy(matrix, at(first * width, 1, width), y, at(0, height, 1), [width, height])
  return y
}

/** Part of a vector in each of `rows` rows: [rows, width]. */
export function repeated(device: Device, vector: Storage, first: number, rows: number, width: number): Storage {
  const y = device.zeros(rows * width)
  device.copy(vector, at(first, 0, 1), y, at(0, width, 1), [rows, width])
  return y
}

const at = (offset: number, ...strides: number[]) => ({ offset, strides })

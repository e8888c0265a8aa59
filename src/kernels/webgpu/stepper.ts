import { hasC } from '../../device/cells.js'
import type { Stack, Stepper, StepState } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import { copy, copyOf } from './copy.js'
import { normalizeGates } from './gate-norm.js'
import type { Gpu } from './gpu.js'
import { PackedHead } from './head.js'
import { forwardShader, forwardStorages } from './layer-forward.js'
import { type Grid, gateCount, gridOf, groupsOf } from './layer-grid.js'
import { tokenSums } from './layer-input.js'
import { packed } from './layer-weights.js'
import { matmul } from './matmul.js'
import { gatherRows } from './rows.js'

/** Prepares a stack to run token by token on a GPU; see `Device.stepper`. */
export const stepper = (gpu: Gpu, stack: Stack<GpuStorage>, batchSize: number): Stepper =>
  new GpuStepper(gpu, stack, batchSize)

/** One layer, token by token; its weights are packed once, and its states stay on the GPU. */
class LayerStepper {
  readonly #grid: Grid
  readonly #weights: GpuStorage
  /** W_ih in the order in which the layer reads it. */
  readonly #inputWeights: GpuStorage
  /** W_hh as it was, if the layer needs a product of its own for it. */
  readonly #weightHh: GpuStorage | undefined
  /** The gain of sums that are normalized at each step. */
  readonly #gain: GpuStorage | undefined
  /** h and, if the cell has it, c: [batchSize, hiddenSize] each. */
  readonly states: GpuStorage[]

  constructor(
    readonly gpu: Gpu,
    readonly layer: Stack<GpuStorage>['layers'][number],
    batchSize: number,
    readonly takesTokens: boolean,
  ) {
    const { cell, inputSize, hiddenSize, weights } = layer
    const { weightIh, weightHh, gainIh, weightCh } = weights
    const rows = gateCount(cell) * hiddenSize
    const kind = { normalized: gainIh !== undefined, peepholes: weightCh !== undefined }
    this.#grid = gridOf(gpu, { cell, hiddenSize, batchSize, ...kind }, 'forward')
    this.#weights = packed(gpu, weightHh, rows, hiddenSize, weights)
    this.#weightHh = this.#grid.inside ? undefined : copyOf(gpu, weightHh, rows * hiddenSize)
    this.states = (hasC(cell) ? ['h', 'c'] : ['h']).map(() => gpu.zeros(batchSize * hiddenSize))
    if (gainIh && !takesTokens) {
      this.#inputWeights = copyOf(gpu, weightIh, rows * inputSize)
      this.#gain = copyOf(gpu, gainIh, rows)
      return
    }
    const sums = gainIh ? normalizedColumns(gpu, layer, gainIh) : weightIh
    this.#inputWeights = packed(gpu, sums, rows, inputSize)
    if (sums !== weightIh) gpu.free(sums)
  }

  /** Advances the first `count` sequences with their tokens, or with rows of x. */
  step(x: GpuStorage, count: number): void {
    const { gpu, layer } = this
    const { cell, inputSize, hiddenSize } = layer
    const [h, c] = this.states
    const rows = gateCount(cell) * hiddenSize
    const products = this.#weightHh && gpu.empty(count * rows)
    if (products) {
      matmul(gpu, h, this.#weightHh!, products, { m: count, n: rows, k: hiddenSize, transposeB: true })
    }
    const sums = this.#gain && gpu.empty(count * rows)
    if (sums) {
      matmul(gpu, x, this.#inputWeights, sums, { m: count, n: rows, k: inputSize, transposeB: true })
      normalizeGates(gpu, { cell, hiddenSize, places: count, sums, gain: this.#gain! })
    }
    const { inside } = this.#grid
    const input = sums ? 'sums' : this.takesTokens ? 'tokens' : 'product'
    const options = { input, h0: inside, c0: inside, keep: false } as const
    // The states change in place, and the only h of this step is the last one as well.
    const named: Record<string, GpuStorage | undefined> = { h_all: h, hn: h, h0: h, cn: c, c0: c, products, sums, x }
    named.tokens = x
    named.weights = this.#weights
    named.input_weights = this.#inputWeights
    gpu.run(
      forwardShader(this.#grid, options),
      forwardStorages(this.#grid, options).map((name) => named[name]!),
      [1, count, 0, 1, 0, inputSize],
      [groupsOf(this.#grid, count)],
    )
    for (const storage of [products, sums]) if (storage) gpu.free(storage)
  }

  free(): void {
    for (const storage of [this.#weights, this.#inputWeights, this.#weightHh, this.#gain, ...this.states]) {
      if (storage) this.gpu.free(storage)
    }
  }
}

/** W_ih with columns that are normalized and multiplied by the gain: what the tokens add to the gates. */
function normalizedColumns(gpu: Gpu, layer: Stack<GpuStorage>['layers'][number], gain: GpuStorage): GpuStorage {
  const { cell, inputSize, hiddenSize, weights } = layer
  const rows = gateCount(cell) * hiddenSize
  const [columns, transposed] = [gpu.empty(inputSize * rows), gpu.empty(rows * inputSize)]
  const tokens = Int32Array.from({ length: inputSize }, (_, token) => token)
  tokenSums(gpu, weights.weightIh, tokens, columns, inputSize)
  normalizeGates(gpu, { cell, hiddenSize, places: inputSize, sums: columns, gain })
  const [from, to] = [[1, rows] as const, [inputSize, 1] as const].map((strides) => ({ offset: 0, strides }))
  copy(gpu, columns, from, transposed, to, [rows, inputSize])
  gpu.free(columns)
  return transposed
}

/**
 * A stack that runs token by token on a GPU: one dispatch for each layer, a few more for large or normalized ones, and one
 * for the scores.
 */
class GpuStepper implements Stepper {
  readonly #layers: LayerStepper[]
  readonly #head: PackedHead

  constructor(
    readonly gpu: Gpu,
    { layers, weight, bias, outFeatures }: Stack<GpuStorage>,
    readonly batchSize: number,
  ) {
    this.#layers = layers.map((layer, i) => new LayerStepper(gpu, layer, batchSize, i === 0))
    this.#head = new PackedHead(gpu, { weight, bias }, outFeatures, layers.at(-1)!.hiddenSize)
  }

  async step(tokens: Int32Array, count = this.batchSize): Promise<Float32Array> {
    const { gpu } = this
    const numbers = gpu.from(tokens.subarray(0, count))
    let x = numbers
    for (const layer of this.#layers) {
      layer.step(x, count)
      x = layer.states[0]
    }
    const scores = this.#head.scores(x, count)
    const read = gpu.read(scores)
    gpu.free(numbers)
    gpu.free(scores)
    return (await read) as Float32Array
  }

  select(rows: Int32Array): void {
    for (const { states, layer } of this.#layers) {
      for (const [i, state] of states.entries()) {
        states[i] = this.gpu.empty(state.length)
        gatherRows(this.gpu, state, rows, states[i], layer.hiddenSize)
        this.gpu.free(state)
      }
    }
  }

  stateOf(row: number): GpuStorage[] {
    return this.#layers.flatMap(({ states, layer: { hiddenSize } }) =>
      states.map((state) => {
        const values = this.gpu.empty(hiddenSize)
        const [from, to] = [row * hiddenSize, 0].map((offset) => ({ offset, strides: [1] }))
        copy(this.gpu, state, from, values, to, [hiddenSize])
        return values
      }),
    )
  }

  setState(row: number, state: StepState | undefined): void {
    const { gpu } = this
    let part = 0
    for (const { states, layer } of this.#layers) {
      for (const target of states) {
        const values = state ? (state[part++] as GpuStorage) : gpu.zeros(layer.hiddenSize)
        const [from, to] = [0, row * layer.hiddenSize].map((offset) => ({ offset, strides: [1] }))
        copy(gpu, values, from, target, to, [layer.hiddenSize])
        if (!state) gpu.free(values)
      }
    }
  }

  free(): void {
    for (const layer of this.#layers) layer.free()
    this.#head.free()
  }
}

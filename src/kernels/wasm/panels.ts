import type { FloatArray, RecurrentSizes, RecurrentWeights } from '../kernels.js'
import { type CellBlocks, cellBlocks, roundUp } from './layout.js'
import type { Allocate } from './memory.js'
import type { Engine } from './module.js'
import type { Operand, Products } from './products.js'

export type Side = 'input' | 'hidden'

/** Moves a layer's parameters, states and gradients between PyTorch's row-major layout and the panels. */
export class LayerPanels {
  readonly blocks: CellBlocks
  /** Padded sizes: of the batch, the hidden units and the input's features. */
  readonly rows: number
  readonly units: number
  readonly features: number
  /** Values of one block at one time step, [rows, units]. */
  readonly block: number
  /** Columns of a panel of [rows, units], and of [rows, features]. */
  readonly width: number
  readonly inputWidth: number

  constructor(
    readonly engine: Engine,
    readonly products: Products,
    readonly sizes: RecurrentSizes,
    training: boolean,
  ) {
    this.blocks = cellBlocks[sizes.cell]
    this.rows = products.rows(sizes.batchSize, training)
    this.units = roundUp(sizes.hiddenSize, 8)
    this.features = roundUp(sizes.inputSize, 8)
    this.block = this.rows * this.units
    this.width = products.width(this.units)
    this.inputWidth = products.width(this.features)
  }

  /** The sum of both biases for each block: [blocks, units]. */
  bias(allocate: Allocate, { biasIh, biasHh }: RecurrentWeights): number {
    const { units } = this
    const { hiddenSize } = this.sizes
    const sums = new Float32Array(this.blocks.blocks * units)
    for (const [side, bias] of [['input', biasIh] as const, ['hidden', biasHh] as const]) {
      if (!bias) continue
      const { first, gates } = this.blocks[side]
      gates.forEach((gate, block) => {
        for (let unit = 0; unit < hiddenSize; unit++) {
          sums[(first + block) * units + unit] += bias[gate * hiddenSize + unit]
        }
      })
    }
    const address = allocate(sums.length)
    this.engine.memory.write(address, sums)
    return address
  }

  /** The weights of one side, an operand for each of its gates in the order of their blocks. */
  weights(allocate: Allocate, weight: FloatArray, side: Side, use: 'forward' | 'backward'): Operand[] {
    const { hiddenSize } = this.sizes
    const raw = allocate(weight.length)
    this.engine.memory.write(raw, weight)
    return this.blocks[side].gates.map((gate) => {
      const columns = this.#columns(side)
      return this.products.pack(allocate, raw + gate * hiddenSize * columns * 4, hiddenSize, columns, use)
    })
  }

  /** The input's weights as tables with a row for each token, a table for each gate. */
  tokenTables(allocate: Allocate, weight: FloatArray): Operand[] {
    const { hiddenSize, inputSize: features } = this.sizes
    const { code, memory } = this.engine
    const raw = allocate(weight.length)
    memory.write(raw, weight)
    return this.blocks.input.gates.map((gate) => {
      const address = allocate(this.units * features)
      code.packTransposed(raw + gate * hiddenSize * features * 4, hiddenSize, features, address, features, this.width)
      return { address, units: this.units, features }
    })
  }

  /** Room for the gradients of one side's weights, a zero for each; of token tables where `tables`. */
  zeroGrads(allocate: Allocate, side: Side, tables: boolean): Operand[] {
    const { units } = this
    const features = tables ? this.sizes.inputSize : roundUp(this.#columns(side), 8)
    return this.blocks[side].gates.map(() => {
      const address = allocate(units * features)
      this.engine.memory.zero(address, units * features)
      return { address, units, features }
    })
  }

  /** The gradient of one side's weights from those of its gates. */
  weightGrad(grads: readonly Operand[], side: Side, tables: boolean): Float32Array {
    const { code, memory } = this.engine
    const { hiddenSize } = this.sizes
    const columns = this.#columns(side)
    return memory.scope((allocate) => {
      const raw = allocate(grads.length * hiddenSize * columns)
      grads.forEach(({ address, units, features }, block) => {
        const to = raw + this.blocks[side].gates[block] * hiddenSize * columns * 4
        if (tables) code.unpackTransposed(address, to, hiddenSize, columns, features, this.width)
        else code.unpack(address, to, hiddenSize, columns, units, this.products.width(features))
      })
      return memory.read(raw, grads.length * hiddenSize * columns)
    })
  }

  /** From sums [blocks, units] to the gradient of one side's bias. */
  biasGrad(sums: number, side: Side): Float32Array {
    const { hiddenSize } = this.sizes
    const { first, gates } = this.blocks[side]
    const grad = new Float32Array(gates.length * hiddenSize)
    gates.forEach((gate, block) => {
      const from = sums / 4 + (first + block) * this.units
      grad.set(this.engine.memory.floats.subarray(from, from + hiddenSize), gate * hiddenSize)
    })
    return grad
  }

  /** A state [batchSize, hiddenSize] into one block; zeros where there is none. */
  loadState(state: FloatArray | undefined, block: number): void {
    const { code, memory } = this.engine
    memory.zero(block, this.block)
    if (!state) return
    memory.scope((allocate) => {
      const raw = allocate(state.length)
      memory.write(raw, state)
      code.pack(raw, this.sizes.batchSize, this.sizes.hiddenSize, block, this.rows, this.width)
    })
  }

  readState(block: number): Float32Array {
    const { code, memory } = this.engine
    const { batchSize, hiddenSize } = this.sizes
    return memory.scope((allocate) => {
      const raw = allocate(batchSize * hiddenSize)
      code.unpack(block, raw, batchSize, hiddenSize, this.rows, this.width)
      return memory.read(raw, batchSize * hiddenSize)
    })
  }

  #columns(side: Side): number {
    return side === 'input' ? this.sizes.inputSize : this.sizes.hiddenSize
  }
}

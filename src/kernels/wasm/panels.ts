import type { FloatArray, RecurrentSizes, RecurrentWeights } from '../kernels.js'
import { type CellBlocks, cellBlocks, type PanelSizes, panelBytes, panelSizes } from './layout.js'
import type { Engine } from './module.js'

export type Allocate = (length: number) => number
type Side = 'input' | 'hidden'

/** Moves a layer's parameters, states and gradients between PyTorch's row-major layout and the panels. */
export class LayerPanels {
  readonly size: PanelSizes
  readonly blocks: CellBlocks

  constructor(
    readonly engine: Engine,
    readonly sizes: RecurrentSizes,
    training: boolean,
  ) {
    this.size = panelSizes(sizes, training)
    this.blocks = cellBlocks[sizes.cell]
  }

  /** Columns in panels that one side's matrix product fills at one time step. */
  columns(side: Side): number {
    return this.blocks[side].gates.length * this.size.units
  }

  /** The sum of both biases for each block: [blocks, units]. */
  bias(allocate: Allocate, { biasIh, biasHh }: RecurrentWeights): number {
    const { units } = this.size
    const sums = new Float32Array(this.blocks.blocks * units)
    for (const [side, bias] of [['input', biasIh] as const, ['hidden', biasHh] as const]) {
      if (!bias) continue
      const { first, gates } = this.blocks[side]
      gates.forEach((gate, block) => {
        for (let unit = 0; unit < this.sizes.hiddenSize; unit++) {
          sums[(first + block) * units + unit] += bias[gate * this.sizes.hiddenSize + unit]
        }
      })
    }
    const address = allocate(sums.length)
    this.engine.memory.write(address, sums)
    return address
  }

  /** Wᵀ [depth, columns] for y += x · Wᵀ; `width` is the row length of W, padded with zeros to `depth`. */
  transposed(allocate: Allocate, weight: FloatArray, side: Side, width: number, depth: number): number {
    const { code, memory } = this.engine
    const { hiddenSize } = this.sizes
    const length = this.columns(side) * depth
    const packed = allocate(length)
    const raw = allocate(weight.length)
    memory.write(raw, weight)
    if (depth !== width) memory.zero(packed, length)
    this.blocks[side].gates.forEach((gate, block) => {
      const to = packed + block * this.size.units * depth * 4
      code.packTransposed(raw + gate * hiddenSize * width * 4, hiddenSize, width, to, panelBytes(depth))
    })
    return packed
  }

  /** W [columns, width] for dx += dy · W, `width` padded to eights. */
  straight(allocate: Allocate, weight: FloatArray, side: Side, width: number, paddedWidth: number): number {
    const { code, memory } = this.engine
    const { hiddenSize } = this.sizes
    const depth = this.columns(side)
    const packed = allocate(depth * paddedWidth)
    const raw = allocate(weight.length)
    memory.write(raw, weight)
    if (hiddenSize !== this.size.units) memory.zero(packed, depth * paddedWidth)
    this.blocks[side].gates.forEach((gate, block) => {
      const to = packed + panelBytes(block * this.size.units)
      code.pack(raw + gate * hiddenSize * width * 4, hiddenSize, width, to, panelBytes(depth))
    })
    return packed
  }

  /** From panels of [columns, width] to the gradient of W; the token table's panels hold its transpose. */
  weightGrad(panels: number, side: Side, width: number, tokenTable: boolean): Float32Array {
    const { code, memory } = this.engine
    const { hiddenSize } = this.sizes
    const { gates } = this.blocks[side]
    const { units } = this.size
    return memory.scope((allocate) => {
      const raw = allocate(gates.length * hiddenSize * width)
      gates.forEach((gate, block) => {
        const to = raw + gate * hiddenSize * width * 4
        if (tokenTable) {
          code.unpackTransposed(panels + block * units * width * 4, panelBytes(width), to, hiddenSize, width)
        } else {
          code.unpack(panels + panelBytes(block * units), panelBytes(this.columns(side)), to, hiddenSize, width)
        }
      })
      return memory.read(raw, gates.length * hiddenSize * width)
    })
  }

  /** From sums [blocks, units] to the gradient of one side's bias. */
  biasGrad(sums: number, side: Side): Float32Array {
    const { hiddenSize } = this.sizes
    const { first, gates } = this.blocks[side]
    const grad = new Float32Array(gates.length * hiddenSize)
    gates.forEach((gate, block) => {
      const from = sums / 4 + (first + block) * this.size.units
      grad.set(this.engine.memory.floats.subarray(from, from + hiddenSize), gate * hiddenSize)
    })
    return grad
  }

  /** A state [batchSize, hiddenSize] into one block; zeros where there is none. */
  loadState(state: FloatArray | undefined, block: number): void {
    const { code, memory } = this.engine
    const { batchSize, hiddenSize } = this.sizes
    memory.zero(block, this.size.block)
    if (!state) return
    memory.scope((allocate) => {
      const raw = allocate(state.length)
      memory.write(raw, state)
      code.pack(raw, batchSize, hiddenSize, block, panelBytes(this.size.rows))
    })
  }

  readState(block: number): Float32Array {
    const { code, memory } = this.engine
    const { batchSize, hiddenSize } = this.sizes
    return memory.scope((allocate) => {
      const raw = allocate(batchSize * hiddenSize)
      code.unpack(block, panelBytes(this.size.rows), raw, batchSize, hiddenSize)
      return memory.read(raw, batchSize * hiddenSize)
    })
  }
}

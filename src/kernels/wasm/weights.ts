import type { Window } from '../../device/cells.js'
import type { FloatArray, RecurrentSizes, RecurrentWeights } from '../../device/device.js'
import type { Engine } from './compile.js'
import { STREAMS } from './from-assembly.js'
import { type Layout, roundUp } from './layout.js'
import type { Allocate } from './linear-memory.js'

export type Side = 'input' | 'hidden'

/** Moves a layer's parameters and their gradients between PyTorch's row-major layout and the panels. */
export class LayerWeights {
  constructor(
    readonly engine: Engine,
    readonly layout: Layout,
    readonly sizes: RecurrentSizes,
  ) {}

  /** The sum of both biases for each block: [blocks, units]. */
  bias(allocate: Allocate, { biasIh, biasHh }: Pick<RecurrentWeights, 'biasIh' | 'biasHh'>): number {
    const { units, blocks } = this.layout
    const { hiddenSize } = this.sizes
    const sums = new Float32Array(blocks.blocks * units)
    for (const [side, bias] of [['input', biasIh] as const, ['hidden', biasHh] as const]) {
      if (!bias) continue
      const { first, gates } = blocks[side]
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

  /** The operand of forward products of `rows` rows, Wᵀ [columns, gates × units] in panels. */
  forward(allocate: Allocate, weight: FloatArray, side: Side, rows: number): number {
    const { width, units } = this.layout
    const columns = side === 'input' ? this.layout.features : units
    return this.#operand(allocate, rows, columns, this.#window(side).gates.length * units, (room) =>
      this.#load(room, weight, side, columns, (raw, gate, to) => {
        const [rows, from] = [this.sizes.hiddenSize, this.#columns(side)]
        this.engine.code.loadColumns(raw, rows, from, to + gate * units * columns * 4, columns * width * 4, width)
      }),
    )
  }

  /** The operand of backward products, W [gates × units, columns] in panels. */
  backward(allocate: Allocate, weight: FloatArray, side: Side, rows: number): number {
    const { width, units } = this.layout
    const columns = side === 'input' ? this.layout.features : units
    const depth = this.#window(side).gates.length * units
    return this.#operand(allocate, rows, depth, columns, (room) =>
      this.#load(room, weight, side, columns, (raw, gate, to) => {
        const [rows, from] = [this.sizes.hiddenSize, this.#columns(side)]
        this.engine.code.loadRows(raw, rows, from, to + gate * units * width * 4, depth * width * 4, width)
      }),
    )
  }

  /** The input's weights as a table with a row for each token, as `tokenRows` in assembly/panels.ts wants it. */
  tokenTable(allocate: Allocate, weight: FloatArray): number {
    const { width, units } = this.layout
    const { hiddenSize, inputSize } = this.sizes
    if (width === 1) return this.backward(allocate, weight, 'input', this.layout.rows)
    return this.#load(allocate, weight, 'input', inputSize, (raw, gate, to) => {
      const panel = inputSize * width * 4
      this.engine.code.loadColumns(raw, hiddenSize, inputSize, to + gate * units * inputSize * 4, panel, width)
    })
  }

  /** Zeros for the gradients of one side's weights; a table of tokens if `tokens`. */
  zeroGrad(allocate: Allocate, side: Side, tokens: boolean): number {
    const { features, units } = this.layout
    const columns = tokens ? Math.max(features, this.sizes.inputSize) : side === 'input' ? features : units
    const length = this.#window(side).gates.length * units * columns
    const address = allocate(length)
    this.engine.memory.zero(address, length)
    return address
  }

  /** The gradient of one side's weights, [gates × hiddenSize, columns], from the sums that assembly/layer.ts made. */
  weightGrad(grad: number, side: Side, tokens: boolean): Float32Array {
    const { code, memory } = this.engine
    const { hiddenSize } = this.sizes
    const { width, units } = this.layout
    const { gates } = this.#window(side)
    const columns = this.#columns(side)
    const padded = side === 'input' ? this.layout.features : units
    return memory.scope((allocate) => {
      const raw = allocate(gates.length * hiddenSize * columns)
      gates.forEach((gate, block) => {
        const to = raw + gate * hiddenSize * columns * 4
        if (tokens && width > 1) {
          const panel = columns * width * 4
          code.storeColumns(grad + block * units * columns * 4, panel, to, hiddenSize, columns, width)
        } else if (!tokens && width === 1) {
          code.storeColumns(grad + block * units * padded * 4, padded * 4, to, hiddenSize, columns, width)
        } else {
          code.storeRows(
            grad + block * units * width * 4,
            gates.length * units * width * 4,
            to,
            hiddenSize,
            columns,
            width,
          )
        }
      })
      return memory.read(raw, gates.length * hiddenSize * columns)
    })
  }

  /** The gradient of one side's bias, from the sums [blocks, units]. */
  biasGrad(sums: number, side: Side): Float32Array {
    const { hiddenSize } = this.sizes
    const { first, gates } = this.#window(side)
    const grad = new Float32Array(gates.length * hiddenSize)
    gates.forEach((gate, block) => {
      const from = sums / 4 + (first + block) * this.layout.units
      grad.set(this.engine.memory.floats.subarray(from, from + hiddenSize), gate * hiddenSize)
    })
    return grad
  }

  /** The panels that `load` makes, widened for products of one row. */
  #operand(
    allocate: Allocate,
    rows: number,
    depth: number,
    columns: number,
    load: (allocate: Allocate) => number,
  ): number {
    if (rows > 1) return load(allocate)
    const { code, memory } = this.engine
    const address = allocate(depth * roundUp(columns, STREAMS * this.engine.shape.panel))
    memory.scope((scratch) => code.widen(load(scratch), address, depth, columns))
    return address
  }

  /** Room for [gates × units, columns], and `load` for each gate: its raw weights, its place, the operand's address. */
  #load(
    allocate: Allocate,
    weight: FloatArray,
    side: Side,
    columns: number,
    load: (raw: number, gate: number, to: number) => void,
  ): number {
    const { memory } = this.engine
    const { units } = this.layout
    const { gates } = this.#window(side)
    const length = gates.length * units * columns
    const address = allocate(length)
    if (length !== weight.length) memory.zero(address, length)
    memory.scope((scratch) => {
      const raw = scratch(weight.length)
      memory.write(raw, weight)
      const size = this.sizes.hiddenSize * this.#columns(side) * 4
      gates.forEach((gate, block) => {
        load(raw + gate * size, block, address)
      })
    })
    return address
  }

  #window(side: Side): Window {
    return this.layout.blocks[side]
  }

  #columns(side: Side): number {
    return side === 'input' ? this.sizes.inputSize : this.sizes.hiddenSize
  }
}

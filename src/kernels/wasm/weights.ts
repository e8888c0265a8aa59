import type { Window } from '../../device/cells.js'
import type { RecurrentSizes } from '../../device/device.js'
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { pieceKinds, STREAMS } from './from-assembly.js'
import { type Layout, roundUp } from './layout.js'
import type { Allocate } from './linear-memory.js'
import { type Piece, runPieces } from './pieces.js'
import { arrayIn, inPanels, placed } from './resident.js'

export type Side = 'input' | 'hidden'

/** Rows of weights that one piece of work lays out: a multiple of the columns of any panel. */
const ROWS = 128

/** Moves a layer's parameters from PyTorch's row-major layout into panels, and makes room for their gradients. */
export class LayerWeights {
  /** @param frozen whether the panels stay as they are when the parameters change */
  constructor(
    readonly engine: Engine,
    readonly layout: Layout,
    readonly sizes: RecurrentSizes,
    readonly frozen = false,
  ) {}

  /** The sum of both biases for each block: [blocks, units]. */
  bias(allocate: Allocate, { biasIh, biasHh }: { biasIh?: HostStorage; biasHh?: HostStorage }): number {
    const { units, blocks } = this.layout
    const { hiddenSize } = this.sizes
    const { memory } = this.engine
    const sums = new Float32Array(blocks.blocks * units)
    for (const [side, values] of [['input', biasIh] as const, ['hidden', biasHh] as const]) {
      if (!values) continue
      const bias = arrayIn(memory, values)
      const { first, gates } = blocks[side]
      gates.forEach((gate, block) => {
        for (let unit = 0; unit < hiddenSize; unit++) {
          sums[(first + block) * units + unit] += bias[gate * hiddenSize + unit]
        }
      })
    }
    const address = allocate(sums.length)
    memory.write(address, sums)
    return address
  }

  /** The operand of forward products of `rows` rows, Wᵀ [columns, gates × units] in panels. */
  forward(allocate: Allocate, weight: HostStorage, side: Side, rows: number): number {
    const { width, units } = this.layout
    const depth = this.#padded(side)
    const columns = this.#window(side).gates.length * units
    return this.#operand(allocate, weight, `forward ${side}`, side, { rows, depth, columns }, (block, row) => ({
      kind: pieceKinds.loadColumns,
      y: (block * units + row) * depth * 4,
      panel: depth * width * 4,
    }))
  }

  /** The operand of backward products, W [gates × units, columns] in panels. */
  backward(allocate: Allocate, weight: HostStorage, side: Side, rows: number): number {
    const { width, units } = this.layout
    const columns = this.#padded(side)
    const depth = this.#window(side).gates.length * units
    return this.#operand(allocate, weight, `backward ${side}`, side, { rows, depth, columns }, (block, row) => ({
      kind: pieceKinds.loadRows,
      y: (block * units + row) * width * 4,
      panel: depth * width * 4,
    }))
  }

  /** The input's weights as a table with a row for each token, as `tokenRows` in assembly/panels.ts wants it. */
  tokenTable(allocate: Allocate, weight: HostStorage): number {
    const { width, units } = this.layout
    const { inputSize: depth } = this.sizes
    const columns = this.#window('input').gates.length * units
    if (width === 1) return this.backward(allocate, weight, 'input', Infinity)
    return this.#operand(allocate, weight, 'table', 'input', { rows: Infinity, depth, columns }, (block, row) => ({
      kind: pieceKinds.loadColumns,
      y: (block * units + row) * depth * 4,
      panel: depth * width * 4,
    }))
  }

  /** Room for the sums that the gradients of one side's weights are made of; a table of tokens if `tokens`. */
  sums(allocate: Allocate, side: Side, tokens: boolean): number {
    const columns = tokens ? Math.max(this.layout.features, this.sizes.inputSize) : this.#padded(side)
    return allocate(this.#window(side).gates.length * this.layout.units * columns)
  }

  /**
   * An operand in panels, kept between uses where the weight is resident. Products of one row have it widened.
   * @param piece where a block's rows from `row` on go, counted from the operand's address
   */
  #operand(
    allocate: Allocate,
    weight: HostStorage,
    use: string,
    side: Side,
    { rows, depth, columns }: { rows: number; depth: number; columns: number },
    piece: (block: number, row: number) => Piece & { y: number },
  ): number {
    const { code, memory, shape } = this.engine
    const { width } = this.layout
    const wide = rows === 1
    const length = depth * columns
    const room = wide ? depth * roundUp(columns, STREAMS * shape.panel) : length
    const fill = (address: number) =>
      memory.scope((scratch) => {
        const panels = wide ? scratch(length) : address
        this.#load(scratch, weight, side, panels, length, piece)
        if (wide) code.widen(panels, address, depth, columns)
      })
    if (this.frozen) {
      const address = allocate(room)
      fill(address)
      return address
    }
    const { cell, hiddenSize } = this.sizes
    return inPanels(memory, allocate, weight, `${use} ${cell} ${hiddenSize} ${width} ${wide}`, room, fill)
  }

  #load(
    allocate: Allocate,
    weight: HostStorage,
    side: Side,
    panels: number,
    length: number,
    piece: (block: number, row: number) => Piece & { y: number },
  ): void {
    const { memory } = this.engine
    const { hiddenSize } = this.sizes
    const columns = this.#columns(side)
    if (length !== weight.length) memory.zero(panels, length)
    const from = placed(memory, allocate, weight)
    const pieces: Piece[] = []
    this.#window(side).gates.forEach((gate, block) => {
      for (let row = 0; row < hiddenSize; row += ROWS) {
        const x = from + (gate * hiddenSize + row) * columns * 4
        const made = piece(block, row)
        const size = { length: Math.min(ROWS, hiddenSize - row), columns, width: this.layout.width }
        pieces.push({ ...made, ...size, x, y: panels + made.y })
      }
    })
    runPieces(this.engine, pieces, weight.length)
  }

  #window(side: Side): Window {
    return this.layout.blocks[side]
  }

  #columns(side: Side): number {
    return side === 'input' ? this.sizes.inputSize : this.sizes.hiddenSize
  }

  #padded(side: Side): number {
    return side === 'input' ? this.layout.features : this.layout.units
  }
}

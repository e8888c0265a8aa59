import type { Window } from '../../device/cells.js'
import type { LayerSizes } from '../../device/device.js'
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { pieceKinds, STREAMS } from './from-assembly.js'
import { type Layout, roundUp, type Share } from './layout.js'
import type { Allocate } from './linear-memory.js'
import { byRows, inPanels, intoPanels } from './panels.js'
import type { Piece } from './pieces.js'
import { arrayIn } from './resident.js'

export type Side = 'input' | 'hidden'

/** How weights are laid out for products of `depth` values. */
interface Operand {
  side: Side
  transposed: boolean
  depth: number
  columns: number
  /** Where the products are of a single row, the blocks of the columns: see `#pieces`. */
  wide?: number | undefined
}

/** Moves a layer's parameters from PyTorch's row-major layout into panels, and makes room for their gradients. */
export class LayerWeights {
  /** @param frozen whether the panels stay as they are when the parameters change */
  constructor(
    readonly engine: Engine,
    readonly layout: Layout,
    readonly sizes: LayerSizes,
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

  /** An LSTM's peepholes in panels of one time step, the same in all rows; 0 if it has none. */
  peepholes(allocate: Allocate, { weightCh }: { weightCh?: HostStorage }): number {
    if (!weightCh) return 0
    const { memory } = this.engine
    const values = arrayIn(memory, weightCh)
    const all = new Float32Array(3 * this.layout.units * this.layout.rows)
    this.#eachPeephole((from, to) => {
      all[to] = values[from]
    })
    const address = allocate(all.length)
    memory.write(address, all)
    return address
  }

  /** The gradient of the peepholes, from the sums of each part and row. */
  peepholeGradient(address: number): Float32Array {
    const { units, rows, parts } = this.layout
    const length = 3 * units * rows
    const sums = this.engine.memory.read(address, parts * length)
    const grad = new Float32Array(3 * this.sizes.hiddenSize)
    for (let part = 0; part < parts; part++) {
      this.#eachPeephole((to, from) => {
        grad[to] += sums[part * length + from]
      })
    }
    return grad
  }

  /** For each peephole and row: its place in the parameter, and that in panels of one time step. */
  #eachPeephole(body: (place: number, inPanels: number) => void): void {
    const { units, rows, width } = this.layout
    const { hiddenSize } = this.sizes
    for (let i = 0; i < 3 * hiddenSize; i++) {
      const unit = i % hiddenSize
      const column = unit % width
      const first = (((i - unit) / hiddenSize) * units + unit - column) * rows + column
      for (let row = 0; row < rows; row++) body(i, first + row * width)
    }
  }

  /** The operand of forward products of `rows` rows, Wᵀ [columns, gates × units] in panels. */
  forward(allocate: Allocate, weight: HostStorage, side: Side, rows: number): number {
    const [depth, columns] = [this.#padded(side), this.#rows(side)]
    const wide = rows === 1 ? columns / this.layout.units : undefined
    return this.#operand(allocate, weight, { side, transposed: true, depth, columns, wide })
  }

  /** The operand of backward products, W [gates × units, columns] in panels. */
  backward(allocate: Allocate, weight: HostStorage, side: Side, rows: number, layout = this.layout): number {
    const [depth, columns] = [this.#rows(side), this.#padded(side)]
    const wide = rows === 1 ? 1 : undefined
    return this.#operand(allocate, weight, { side, transposed: false, depth, columns, wide }, layout)
  }

  /** The input's weights as a table with a row for each token, as `tokenRows` in assembly/panels.ts wants it. */
  tokenTable(allocate: Allocate, weight: HostStorage): number {
    if (this.layout.width === 1) return this.backward(allocate, weight, 'input', Infinity)
    const [depth, columns] = [this.sizes.inputSize, this.#rows('input')]
    return this.#operand(allocate, weight, { side: 'input', transposed: true, depth, columns })
  }

  /** Room for the sums that the gradients of one side's weights are made of; a table of tokens if `tokens`. */
  sums(allocate: Allocate, side: Side, tokens: boolean): number {
    const columns = tokens ? Math.max(this.layout.features, this.sizes.inputSize) : this.#padded(side)
    return allocate(this.#rows(side) * columns)
  }

  /**
   * An operand in panels, kept between uses where the weight is resident.
   * @param sharing the layout whose shares the columns of a single row come in
   */
  #operand(allocate: Allocate, weight: HostStorage, operand: Operand, sharing = this.layout): number {
    const { engine, frozen } = this
    const { side, transposed, depth, columns, wide } = operand
    const { cell, hiddenSize } = this.sizes
    const shares = wide ? [...sharing.eachShare(columns / wide)] : []
    const padded = wide ? shares.reduce((sum, { count }) => sum + roundUp(wide * count, this.#threes), 0) : columns
    const layout = `${side} ${transposed} ${depth} ${cell} ${hiddenSize} ${this.layout.width} ${shares.length}`
    const pieces = (from: number, to: number) => this.#pieces(operand, shares, from, to)
    return inPanels(engine, allocate, weight, layout, depth * padded, pieces, frozen)
  }

  /** For a single row, the panels of each share lie beside each other by threes: see `multiplyVector` in assembly/matmul.ts. */
  #pieces({ side, transposed, depth, wide }: Operand, shares: readonly Share[], from: number, to: number): Piece[] {
    const { panel } = this.engine.shape
    const { units, width } = this.layout
    const { hiddenSize } = this.sizes
    const inner = this.#columns(side)
    const ofGate = hiddenSize * inner * 4
    const blocks = this.#window(side).gates.map((gate, block) => ({ x: from + gate * ofGate, block }))
    if (!wide) {
      const room = units * (transposed ? depth : width) * 4
      return blocks.flatMap(({ x, block }) =>
        intoPanels(x, to + block * room, hiddenSize, inner, transposed, depth, width),
      )
    }
    const threes = this.#threes
    const common = { stride: inner * 4, panel: depth * threes * 4, columns: inner }
    let address = to
    return shares.flatMap(({ first, count }) => {
      const y = address
      address += roundUp(wide * count, threes) * depth * 4
      return blocks.flatMap(({ x, block }) =>
        transposed
          ? byRows(Math.min(count, hiddenSize - first), (row, length) => ({
              ...common,
              kind: pieceKinds.wideColumns,
              length,
              x: x + (first + row) * inner * 4,
              y,
              first: (block * count + row) / panel,
            }))
          : byRows(hiddenSize, (row, length) => ({
              ...common,
              kind: pieceKinds.wideRows,
              length,
              x: x + (row * inner + first) * 4,
              y: y + (block * units + row) * threes * 4,
              columns: Math.min(count, inner - first),
            })),
      )
    })
  }

  /** Columns of the panels that lie beside each other. */
  get #threes(): number {
    return STREAMS * this.engine.shape.panel
  }

  /** Rows of one side's weights, padded. */
  #rows(side: Side): number {
    return this.#window(side).gates.length * this.layout.units
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

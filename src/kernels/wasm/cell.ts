import type { RecurrentWeights } from '../kernels.js'
import type { Allocate } from './memory.js'
import type { LayerPanels } from './panels.js'
import type { Operand } from './products.js'

/** A layer with its weights ready to go from one time step to the next. */
export class PackedCell {
  readonly #bias: number
  readonly #inputWeights: readonly Operand[]
  readonly #hiddenWeights: readonly Operand[]

  constructor(
    readonly panels: LayerPanels,
    allocate: Allocate,
    { weightIh, weightHh, ...biases }: RecurrentWeights,
    /** The input is tokens, and its weights tables of their rows. */
    readonly tokens: boolean,
  ) {
    this.#bias = panels.bias(allocate, biases as RecurrentWeights)
    this.#inputWeights = tokens
      ? panels.tokenTables(allocate, weightIh)
      : panels.weights(allocate, weightIh, 'input', 'forward')
    this.#hiddenWeights = panels.weights(allocate, weightHh, 'hidden', 'forward')
  }

  /**
   * From x and h to the gates and the next h (and c). All are addresses: x is the step's tokens, or its
   * features in panels; blocks of gates lie `stride` bytes apart. `next` and `nextC` may be `h` and `c`.
   */
  advance(x: number, gates: number, stride: number, h: number, next: number, c: number, nextC: number): void {
    const { panels } = this
    const { rows, units, block, blocks, width, products, sizes } = panels
    const { code } = panels.engine
    for (let b = 0; b < blocks.blocks; b++) {
      code.fillRows(this.#bias + b * units * 4, gates + b * stride, rows, units, width)
    }
    this.#inputWeights.forEach((w, b) => {
      const sums = gates + (blocks.input.first + b) * stride
      if (this.tokens) code.addTokenRows(x, sizes.batchSize, w.address, w.features, sums, rows, units, width)
      else products.forward(x, w, sums, rows)
    })
    this.#hiddenWeights.forEach((w, b) => {
      products.forward(h, w, gates + (blocks.hidden.first + b) * stride, rows)
    })
    if (sizes.cell === 'lstm') code.lstm(gates, c, nextC, next, block, stride)
    else if (sizes.cell === 'gru') code.gru(gates, h, next, block, stride)
    else if (sizes.cell === 'rnn_tanh') code.rnnTanh(gates, next, block)
    else code.rnnRelu(gates, next, block)
  }
}

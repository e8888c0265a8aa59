import type { RecurrentWeights } from '../kernels.js'
import type { Allocate, LayerPanels } from './panels.js'

/** A layer with its weights in panels, ready to go from one time step to the next. */
export class PackedCell {
  readonly #bias: number
  readonly #inputWeights: number
  readonly #hiddenWeights: number

  constructor(
    readonly panels: LayerPanels,
    allocate: Allocate,
    weights: RecurrentWeights,
    /** The input is tokens, and its weights a table of their rows. */
    readonly tokens: boolean,
  ) {
    const { inputSize, hiddenSize } = panels.sizes
    const { features, units } = panels.size
    this.#bias = panels.bias(allocate, weights)
    const depth = tokens ? inputSize : features
    this.#inputWeights = panels.transposed(allocate, weights.weightIh, 'input', inputSize, depth)
    this.#hiddenWeights = panels.transposed(allocate, weights.weightHh, 'hidden', hiddenSize, units)
  }

  /**
   * From x and h to the gates and the next h (and c). All are addresses; x is the step's tokens or its
   * features in panels. `next` and `nextC` may be `h` and `c` themselves.
   */
  advance(x: number, gates: number, h: number, next: number, c: number, nextC: number): void {
    const { panels } = this
    const { code } = panels.engine
    const { rows, units, features, block } = panels.size
    const { inputSize, batchSize, cell } = panels.sizes
    const { blocks, input, hidden } = panels.blocks
    const inputSums = gates + input.first * block * 4
    code.fillRows(this.#bias, gates, rows, blocks * units)
    if (this.tokens) {
      code.addTokenRows(x, batchSize, this.#inputWeights, inputSize, inputSums, rows, panels.columns('input'))
    } else {
      code.multiply(x, this.#inputWeights, inputSums, rows, features, panels.columns('input'))
    }
    const hiddenSums = gates + hidden.first * block * 4
    code.multiply(h, this.#hiddenWeights, hiddenSums, rows, units, panels.columns('hidden'))
    if (cell === 'lstm') code.lstm(gates, c, nextC, next, block)
    else if (cell === 'gru') code.gru(gates, h, next, block)
    else if (cell === 'rnn_tanh') code.rnnTanh(gates, next, block)
    else code.rnnRelu(gates, next, block)
  }
}

import { type CellKind, hasC } from '../device/cells.js'
import type { FloatArray, Stepper, StepState } from '../device/device.js'
import type { CellState } from './equations.js'
import { Matrix } from './matrix.js'
import { type CellAlgebra, type CellWeights, type Sums, UnfusedCell } from './unfused-cell.js'

/** The arithmetic of matrices without gradients. */
const matrices: CellAlgebra<Matrix> = {
  linear: (x, weight) => x.linear(weight),
  layerNorm: (x, gain, bias) => x.layerNorm(gain, bias),
  split: (x, sizes) => {
    let end = 0
    return sizes.map((size) => {
      end += size
      return x.slice(end - size, size)
    })
  },
}

/** Runs layers and a linear output token by token by the cells' equations. */
export class UnfusedStepper implements Stepper {
  readonly #cells: readonly UnfusedCell<Matrix>[]
  /** The first layer's sums for each token, [vocabSize, …]. */
  readonly #table: Sums<Matrix>
  #states: readonly CellState<Matrix>[]

  /**
   * @param layers the first one's weightIh has a column for each token
   * @param weight that of the linear output, [outFeatures, hiddenSize]
   */
  constructor(
    kind: CellKind,
    layers: readonly CellWeights<Matrix>[],
    readonly weight: Matrix,
    readonly bias: Matrix | undefined,
    batchSize: number,
  ) {
    const { device } = weight
    const hiddenSize = weight.columns
    this.#cells = layers.map((weights) => new UnfusedCell(matrices, kind, hiddenSize, weights))
    this.#table = this.#cells[0].input(layers[0].weightIh.transposed())
    const zeros = () => Matrix.zeros(device, batchSize, hiddenSize)
    this.#states = layers.map(() => ({ h: zeros(), c: hasC(kind) ? zeros() : undefined }))
  }

  step(tokens: Int32Array, count = tokens.length): FloatArray | Promise<FloatArray> {
    let a: Sums<Matrix> = this.#table.map((part) => part.gatherRows(tokens))
    let h: Matrix | undefined
    this.#states = this.#states.map((before, i) => {
      const cell = this.#cells[i]
      if (h) a = cell.input(h.linear(cell.weights.weightIh))
      const after = cell.step(a, before)
      h = after.h
      return after
    })
    const rows = count === tokens.length ? h! : h!.gatherRows(tokens.subarray(0, count).map((_, row) => row))
    const product = rows.linear(this.weight)
    const scores = (this.bias ? product.add(this.bias) : product).storage
    const { device } = product
    return device.kind === 'cpu' ? (scores as FloatArray) : (device.read(scores) as Promise<FloatArray>)
  }

  select(rows: Int32Array): void {
    this.#states = this.#states.map(({ h, c }) => ({ h: h.gatherRows(rows), c: c?.gatherRows(rows) }))
  }

  stateOf(row: number): CellState<Matrix>[] {
    const at = Int32Array.of(row)
    return this.#states.map(({ h, c }) => ({ h: h.gatherRows(at), c: c?.gatherRows(at) }))
  }

  setState(row: number, state: StepState | undefined): void {
    const zeros = Matrix.zeros(this.weight.device, 1, this.weight.columns)
    for (const [i, { h, c }] of this.#states.entries()) {
      const given = state?.[i] as CellState<Matrix> | undefined
      h.setRow(row, given?.h ?? zeros)
      c?.setRow(row, given?.c ?? zeros)
    }
  }

  free(): void {}
}

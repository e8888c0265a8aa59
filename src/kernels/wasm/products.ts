import { roundUp } from './layout.js'
import type { Allocate } from './memory.js'
import type { Engine } from './module.js'

/** A weight W [rows, columns] in the form that products want it; a gate's weights at a time. */
export interface Operand {
  address: number
  /** W's rows (units) and columns (features), padded to eights. */
  units: number
  features: number
}

/**
 * The matrix products of a recurrent layer, and the layout they want. Matrices are in panels (assembly/
 * panels.ts) with a number of rows that `rows` pads; addresses are bytes, sizes are padded.
 */
export interface Products {
  /** Columns in one panel of a matrix of `columns`, padded. */
  width(columns: number): number
  /** Rows that a batch takes. */
  rows(batchSize: number, training: boolean): number
  /** Makes W [rows, columns], raw at an address, ready for `forward` or for `backward`. */
  pack(allocate: Allocate, raw: number, rows: number, columns: number, use: 'forward' | 'backward'): Operand
  /** y[rows, units] += x[rows, features] · Wᵀ */
  forward(x: number, w: Operand, y: number, rows: number): void
  /** dx[rows, features] += dy[rows, units] · W */
  backward(dy: number, w: Operand, dx: number, rows: number): void
  /** dW[units, features] += Σ over steps of dyᵀ · x; the steps of both lie one after another. */
  gradient(dy: number, x: number, dw: Operand, steps: number, rows: number): void
}

/** The kernels' own products: panels of 8 columns, batches in fours or one. */
export class PanelProducts implements Products {
  constructor(readonly engine: Engine) {}

  width(): number {
    return 8
  }

  /** A single row has a product of its own, but for the weight gradients. */
  rows(batchSize: number, training: boolean): number {
    return batchSize === 1 && !training ? 1 : roundUp(batchSize, 4)
  }

  pack(allocate: Allocate, raw: number, rows: number, columns: number, use: 'forward' | 'backward'): Operand {
    const { code, memory } = this.engine
    const [units, features] = [roundUp(rows, 8), roundUp(columns, 8)]
    const address = allocate(units * features)
    memory.zero(address, units * features)
    if (use === 'forward') code.packTransposed(raw, rows, columns, address, features, 8)
    else code.pack(raw, rows, columns, address, units, 8)
    return { address, units, features }
  }

  forward(x: number, { address, units, features }: Operand, y: number, rows: number): void {
    this.engine.code.multiply(x, address, y, rows, features, units)
  }

  backward(dy: number, { address, units, features }: Operand, dx: number, rows: number): void {
    this.engine.code.multiply(dy, address, dx, rows, units, features)
  }

  gradient(dy: number, x: number, { address, units, features }: Operand, steps: number, rows: number): void {
    const [stepY, stepX] = [rows * units * 4, rows * features * 4]
    this.engine.code.multiplyTransposed(dy, stepY, x, stepX, address, steps, rows, units, features)
  }
}

import { type CellBlocks, cells } from '../../device/cells.js'
import type { RecurrentSizes } from '../../device/device.js'
import { PANEL } from './from-assembly.js'

export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit

/** The format in which an engine's kernels read and write matrices: see "Panels" in ARCHITECTURE.md. */
export interface MatrixFormat {
  /** Columns in a panel: 8, or 1 where the products come from the system's BLAS. */
  width: 1 | typeof PANEL
  threads: number
}

/** A single sequence is a product of a matrix and a vector, which leaves a BLAS nothing to gain. */
const shapeFor = (shape: MatrixFormat, batchSize: number): MatrixFormat =>
  batchSize === 1 ? { ...shape, width: PANEL } : shape

/** The layout of a layer in the kernels' memory; sizes are counted in values. */
export class Layout {
  readonly blocks: CellBlocks
  readonly width: number
  /** Sequences in each part of the batch, padded. */
  readonly rows: number
  readonly parts: number
  readonly units: number
  readonly features: number
  /** The distance from one panel of a sequence to the next. */
  readonly panel: number
  /** Units whose weight gradients are one piece of work. */
  readonly slice: number
  /** Whether the batch or the hidden units were padded, so that panels must begin as zeros. */
  readonly padded: boolean

  constructor(shape: MatrixFormat, { cell, numSteps, batchSize, inputSize, hiddenSize }: RecurrentSizes) {
    const { width, threads } = shapeFor(shape, batchSize)
    this.blocks = cells[cell].blocks
    this.width = width
    this.rows = width === PANEL ? panelRows(batchSize) : Math.max(8, roundUp(Math.ceil(batchSize / threads), 4))
    this.parts = Math.ceil(batchSize / this.rows)
    this.units = roundUp(hiddenSize, PANEL)
    this.features = roundUp(inputSize, PANEL)
    // An odd number of steps apart, so that panels spread over the sets of the processor's caches. Single rows are
    // read by fours, from the second step on too.
    const unit = Math.max(this.rows, 4)
    const steps = Math.ceil((numSteps * this.rows) / unit) + 1
    this.panel = (steps + 1 - (steps % 2)) * unit * width
    const slices = Math.ceil(threads / this.blocks.blocks)
    this.slice = width === PANEL ? 16 : roundUp(Math.ceil(this.units / slices), PANEL)
    this.padded = this.rows * this.parts !== batchSize || this.units !== hiddenSize
  }

  /** Values of all steps of `columns` columns, for the whole batch. */
  sequence(columns: number): number {
    return (columns / this.width) * this.panel * this.parts
  }

  /** Pieces of work that the weight gradients come in. */
  get slices(): number {
    return this.blocks.blocks * this.slicesOf(this.units)
  }

  slicesOf(units: number): number {
    return Math.ceil(units / this.slice)
  }
}

/** A single sequence has a product of its own; the others go in tiles of four, two of them at a time. */
function panelRows(batchSize: number): number {
  if (batchSize === 1) return 1
  return batchSize <= 4 ? 4 : 8
}

import { type CellBlocks, cells } from '../../device/cells.js'
import type { RecurrentSizes } from '../../device/device.js'

export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit

/** The format in which an engine's kernels read and write matrices: see "Panels" in ARCHITECTURE.md. */
export interface MatrixFormat {
  /** Columns in a panel: `panel`, or 1 where the products come from the system's BLAS. */
  width: number
  /** Columns in a panel that the kernels multiply: 8, or 16 for vectors of 256 bits. */
  panel: number
  threads: number
}

/** Bytes that do not stay in the second cache of a core. */
const CACHED = 2 ** 21

/** A single sequence is a product of a matrix and a vector, which leaves a BLAS nothing to gain. */
const shapeFor = (shape: MatrixFormat, batchSize: number): MatrixFormat =>
  batchSize === 1 ? { ...shape, width: shape.panel } : shape

/** The layout of a layer in the kernels' memory; sizes are counted in values. */
export class Layout {
  readonly blocks: CellBlocks
  readonly width: number
  /** Sequences in each part of the batch, padded. */
  readonly rows: number
  readonly parts: number
  /** Whether the recurrent weights are too large for a core's cache, so that reading them is worth sharing. */
  readonly large: boolean
  readonly units: number
  readonly features: number
  /** The distance from one panel of a sequence to the next. */
  readonly panel: number
  /** Units whose weight gradients are one piece of work. */
  readonly slice: number
  readonly #threads: number
  /** Whether the batch or the hidden units were padded, so that panels must begin as zeros. */
  readonly padded: boolean

  constructor(shape: MatrixFormat, { cell, numSteps, batchSize, inputSize, hiddenSize }: RecurrentSizes) {
    const { width, panel, threads } = shapeFor(shape, batchSize)
    this.blocks = cells[cell].blocks
    this.#threads = threads
    this.width = width
    this.rows = width > 1 ? panelRows(batchSize) : Math.max(8, roundUp(Math.ceil(batchSize / threads), 4))
    this.parts = Math.ceil(batchSize / this.rows)
    this.units = roundUp(hiddenSize, panel)
    this.features = roundUp(inputSize, panel)
    // An odd number of steps apart, so that panels spread over the sets of the processor's caches. Single rows are
    // read by fours, from the second step on too.
    const unit = Math.max(this.rows, 4)
    const steps = Math.ceil((numSteps * this.rows) / unit) + 1
    this.panel = (steps + 1 - (steps % 2)) * unit * width
    this.large = width > 1 && this.blocks.hidden.gates.length * this.units ** 2 * 4 >= CACHED
    const slices = Math.ceil(threads / this.blocks.blocks)
    // Larger slices read the states less often, but only smaller ones keep their own gates in the first cache.
    const far = this.large && this.units * numSteps * batchSize * 4 > CACHED
    this.slice = width > 1 ? (far ? 64 : 16) : roundUp(Math.ceil(this.units / slices), panel)
    this.padded = this.rows * this.parts !== batchSize || this.units !== hiddenSize
  }

  /** Values of all steps of `columns` columns, for the whole batch. */
  sequence(columns: number): number {
    return (columns / this.width) * this.panel * this.parts
  }

  /** How many of `parts` parts go through time side by side, to read large weights only once: a thread's share. */
  groupOf(parts: number): number {
    return this.large ? Math.ceil(parts / this.#threads) : 1
  }

  /** Pieces of work of a pass forward or backward over `parts` parts. */
  groups(parts: number): number {
    return Math.ceil(parts / this.groupOf(parts))
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

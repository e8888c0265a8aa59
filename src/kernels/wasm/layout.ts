import { type CellBlocks, cells } from '../../device/cells.js'
import type { LayerSizes } from '../../device/device.js'
import { type Sequences, sorted } from './sequences.js'

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

/** Units that a thread of a team has: the first of them, and how many. */
export interface Share {
  first: number
  count: number
}

/** Bytes of recurrent weights that a share has at least: reading fewer takes no longer than a meeting after each step. */
const SHARE = 2 ** 17
/** The least steps of a share, so that none of them is a product of a single row. */
const SHARED_STEPS = 8

/**
 * A single sequence is a product of a matrix and a vector, which leaves a BLAS nothing to gain; and the small parts that
 * sequences of unequal lengths come in are faster without one (LOG.md).
 */
const shapeFor = (shape: MatrixFormat, { batchSize, lengths }: LayerSizes): MatrixFormat =>
  batchSize === 1 || lengths ? { ...shape, width: shape.panel } : shape

/** The layout of a layer in the kernels' memory; sizes are counted in values. */
export class Layout {
  readonly blocks: CellBlocks
  readonly width: number
  /** Sequences in each part of the batch, padded. */
  readonly rows: number
  parts: number
  /** Time steps of the longest sequence. */
  readonly steps: number
  /** If they have lengths of their own. */
  readonly sequences: Sequences | undefined
  /** Whether the recurrent weights are too large for a core's cache, so that reading them is worth sharing. */
  readonly large: boolean
  readonly units: number
  readonly features: number
  /** The distance from one panel of a sequence to the next. */
  readonly panel: number
  /** Units whose weight gradients are one piece of work. */
  readonly slice: number
  /** Shares of the units that threads can take through time together, where the batch is a single part; or 1. */
  readonly shares: number
  readonly #threads: number
  /** Units that shares are multiples of. */
  readonly #unit: number
  /** How many parts go through time side by side where the weights are small. */
  readonly #side: number
  /** Whether the batch or the hidden units were padded, so that panels must begin as zeros. */
  readonly padded: boolean

  /** @param apart whether threads can share units: not where these depend on each other in a step */
  constructor(shape: MatrixFormat, sizes: LayerSizes, apart = true) {
    const { cell, numSteps, batchSize, inputSize, hiddenSize, lengths } = sizes
    const { width, panel, threads } = shapeFor(shape, sizes)
    this.blocks = cells[cell].blocks
    this.#threads = threads
    this.#unit = panel
    this.width = width
    this.rows = lengths ? unevenRows(batchSize) : evenRows(width, batchSize, threads)
    this.parts = Math.ceil(batchSize / this.rows)
    this.steps = lengths ? Math.max(...lengths) : numSteps
    this.units = roundUp(hiddenSize, panel)
    this.features = roundUp(inputSize, panel)
    // An odd number of steps apart, so that panels spread over the sets of the processor's caches. Single rows are
    // read by fours, from the second step on too.
    const unit = Math.max(this.rows, 4)
    const steps = Math.ceil((this.steps * this.rows) / unit) + 1
    this.panel = (steps + 1 - (steps % 2)) * unit * width
    const recurrent = this.blocks.hidden.gates.length * this.units ** 2 * 4
    this.large = width > 1 && recurrent >= CACHED
    const slices = Math.ceil(threads / this.blocks.blocks)
    // Larger slices read the states less often, but only smaller ones keep their own gates in the first cache.
    const far = this.large && this.units * this.steps * batchSize * 4 > CACHED
    this.slice = width > 1 ? (far ? 64 : 16) : roundUp(Math.ceil(this.units / slices), panel)
    this.padded = this.rows * this.parts !== batchSize || this.units !== hiddenSize
    this.#side = lengths ? PANEL_ROWS / this.rows : 1
    const most = Math.floor(Math.min(threads, recurrent / SHARE, this.units / panel, numSteps / SHARED_STEPS))
    this.shares = apart && this.parts === 1 && !lengths ? Math.max(1, most) : 1
    this.sequences = lengths && sorted(lengths, this.rows, this.groupOf(this.parts), this.large)
  }

  /** Values of all steps of `columns` columns, for the whole batch. */
  sequence(columns: number): number {
    return (columns / this.width) * this.panel * this.parts
  }

  /** How many of `parts` parts go through time side by side, to read large weights only once: a thread's share. */
  groupOf(parts: number): number {
    return this.large ? Math.ceil(parts / this.#threads) : this.#side
  }

  /** Pieces of work of a pass forward or backward over `parts` parts. */
  groups(parts: number): number {
    return Math.ceil(parts / this.groupOf(parts))
  }

  /** The units of each share: the first of them, and how many. */
  *eachShare(units = this.units): Iterable<Share> {
    const panels = units / this.#unit
    const first = (share: number) => Math.floor((share * panels) / this.shares) * this.#unit
    for (let share = 0; share < this.shares; share++) {
      yield { first: first(share), count: first(share + 1) - first(share) }
    }
  }

  /** Pieces of work that the weight gradients come in. */
  get slices(): number {
    return this.blocks.blocks * this.slicesOf(this.units)
  }

  slicesOf(units: number): number {
    return Math.ceil(units / this.slice)
  }
}

/** Sequences that share the weights of a panel, in two tiles of four. */
const PANEL_ROWS = 8

/** A single sequence has a product of its own; the others go in tiles of four, two of them at a time. */
function evenRows(width: number, batchSize: number, threads: number): number {
  if (width === 1) return Math.max(PANEL_ROWS, roundUp(Math.ceil(batchSize / threads), 4))
  if (batchSize === 1) return 1
  return batchSize <= 4 ? 4 : PANEL_ROWS
}

/** Where sequences have lengths of their own, a part has few: it goes on until its longest one ends. */
const unevenRows = (batchSize: number): number => (batchSize === 1 ? 1 : 4)

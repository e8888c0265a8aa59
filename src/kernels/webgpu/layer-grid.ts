import { type CellKind, cells, hasC } from '../../device/cells.js'
import type { Gpu } from './gpu.js'

/** How the workgroups of a recurrent layer share the sequences of a batch and the units. */
export interface Grid {
  readonly cell: CellKind
  readonly hiddenSize: number
  /** Threads that share the units of a sequence. */
  readonly lanes: number
  /** Groups of so many threads in a workgroup, and the sequences that each takes. */
  readonly slices: number
  readonly rows: number
  /**
   * Whether a workgroup keeps the states of its sequences in its own memory and computes their products with W_hh, so
   * that one dispatch walks through all time steps. Otherwise each step has a matrix product of its own.
   */
  readonly inside: boolean
  /** Whether the gates' sums and c are normalized over the units. */
  readonly normalized: boolean
  /** Whether the gates of an LSTM see c. */
  readonly peepholes: boolean
  /** Whether sequences have lengths of their own. */
  readonly uneven: boolean
}

/** Numbers of a cell that the shaders of a layer are made of. */
export const gateCount = (cell: CellKind): number => cells[cell].gates.length

/** Workgroups that a layer should have at least before one of them takes more sequences, so that a GPU is busy. */
const MANY_GROUPS = 64
/** Threads that a workgroup should have at least, as many as run together on any GPU. */
const FEW_THREADS = 64
/** The most sequences for which a thread adds up sums at a time; it keeps them in registers. */
const MOST_ROWS = 8
/**
 * Bytes of W_hh from which on a product of all workgroups together is faster than one in each: a part of a GPU reads
 * some 100 GB/s from its cache, so that these take longer than the two dispatches of a step.
 */
const MOST_WEIGHT_BYTES = 8 * 2 ** 20
/** The same for what all workgroups read together. */
const MOST_TRAFFIC_BYTES = 512 * 2 ** 20

/**
 * Bytes of a workgroup's memory that one sequence takes in the forward pass: h twice, and c; with layer normalization also
 * the gates' sums, and what the threads share to add up.
 */
const forwardBytes = ({ cell, hiddenSize, normalized }: Layer, lanes: number): number =>
  4 * (8 * Math.ceil(hiddenSize / 4) + (hasC(cell) ? hiddenSize : 0)) +
  (normalized ? 4 * gateCount(cell) * hiddenSize + 16 * lanes : 0)

/** And in the backward pass: the gradients of the gates, of h and of c. */
const backwardBytes = ({ cell, hiddenSize, normalized }: Layer, lanes: number): number =>
  4 * hiddenSize * (gateCount(cell) + (hasC(cell) ? 2 : 1)) + (normalized ? 16 * lanes : 0)

type Layer = Pick<Grid, 'cell' | 'hiddenSize' | 'normalized'> & Partial<Pick<Grid, 'peepholes' | 'uneven'>>

/** The grid of one direction of a pass over a layer. */
export function gridOf(
  gpu: Pick<Gpu, 'limits'>,
  { cell, hiddenSize, batchSize, normalized, peepholes = false, uneven = false }: Layer & { batchSize: number },
  pass: 'forward' | 'backward',
): Grid {
  const { maxComputeWorkgroupStorageSize: memory } = gpu.limits
  const layer = { cell, hiddenSize, normalized, peepholes, uneven }
  const lanes = Math.min(2 ** Math.ceil(Math.log2(hiddenSize)), 256)
  const bytes = (pass === 'forward' ? forwardBytes : backwardBytes)(layer, lanes)
  // Normalization adds up over the threads of a sequence, each of which then has one sequence.
  const most = Math.min(Math.floor(memory / bytes), (256 / lanes) * (normalized ? 1 : MOST_ROWS))
  const least = Math.max(FEW_THREADS / lanes, 1)
  const wanted = Math.max(2 ** Math.floor(Math.log2(batchSize / MANY_GROUPS)), least)
  const sequences = 2 ** Math.floor(Math.log2(Math.max(Math.min(wanted, most), 1)))
  const slices = Math.min(sequences, 256 / lanes)
  const weightBytes = 4 * gateCount(cell) * hiddenSize ** 2
  const traffic = weightBytes * Math.ceil(batchSize / sequences)
  const inside = most >= 1 && weightBytes <= MOST_WEIGHT_BYTES && traffic <= MOST_TRAFFIC_BYTES
  return inside
    ? { ...layer, lanes, slices, rows: sequences / slices, inside }
    : { ...layer, lanes, slices: 256 / lanes, rows: 1, inside }
}

/** The number of workgroups that a batch needs. */
export const groupsOf = ({ slices, rows }: Grid, batchSize: number): number => Math.ceil(batchSize / (slices * rows))

/**
 * Bytes that a step takes the time of, besides those that it moves: its barriers, and waiting for the first loads, take
 * some 10 µs.
 */
const STEP_BYTES = 2 ** 20

/**
 * The time steps that one dispatch walks through. A GPU that also draws the screen is reset if a dispatch takes longer than
 * about two seconds, so that a long walk is cut: its time is estimated from what the workgroups read, each W_hh once a step,
 * and from the values of the gates and states, which are read and written about three times.
 */
export function stepsAtOnce({ mostBytesAtOnce }: Pick<Gpu, 'mostBytesAtOnce'>, grid: Grid, batchSize: number): number {
  const rows = gateCount(grid.cell) * grid.hiddenSize
  const weights = 4 * rows * grid.hiddenSize * groupsOf(grid, batchSize)
  return Math.max(Math.floor(mostBytesAtOnce / (weights + 12 * rows * batchSize + STEP_BYTES)), 1)
}

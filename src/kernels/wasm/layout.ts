import type { CellKind, RecurrentSizes } from '../kernels.js'

/** Consecutive gate blocks that one matrix product fills, and which of PyTorch's gates each block holds. */
export interface Window {
  first: number
  gates: readonly number[]
}

/**
 * The gate blocks of a cell at one time step. A GRU has four for its three gates, because the input's and
 * the hidden state's parts of n stay apart: n, r, z, q. The input fills the first three, the state the last.
 */
export interface CellBlocks {
  blocks: number
  input: Window
  hidden: Window
}

const plain: CellBlocks = { blocks: 1, input: { first: 0, gates: [0] }, hidden: { first: 0, gates: [0] } }

export const cellBlocks: Record<CellKind, CellBlocks> = {
  rnn_tanh: plain,
  rnn_relu: plain,
  gru: { blocks: 4, input: { first: 0, gates: [2, 0, 1] }, hidden: { first: 1, gates: [0, 1, 2] } },
  lstm: { blocks: 4, input: { first: 0, gates: [0, 1, 2, 3] }, hidden: { first: 0, gates: [0, 1, 2, 3] } },
}

export const roundUp = (value: number, unit: number) => Math.ceil(value / unit) * unit

/** Sizes in the kernels' panels: columns in eights, rows in fours, or one. Lengths in values. */
export interface PanelSizes {
  rows: number
  units: number
  features: number
  /** One block at one time step: [rows, units]. */
  block: number
  /** All gate blocks of one time step. */
  gates: number
}

/** A single row has kernels of its own, but for the weight gradients: `training` pads it to four. */
export function panelSizes(sizes: RecurrentSizes, training: boolean): PanelSizes {
  const { cell, batchSize, hiddenSize, inputSize } = sizes
  const rows = batchSize === 1 && !training ? 1 : roundUp(batchSize, 4)
  const units = roundUp(hiddenSize, 8)
  const block = rows * units
  return { rows, units, features: roundUp(inputSize, 8), block, gates: block * cellBlocks[cell].blocks }
}

/** Bytes of one panel of `rows` rows. */
export const panelBytes = (rows: number) => rows * 32

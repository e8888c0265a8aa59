import type { CellKind } from '../kernels.js'

/** Consecutive gate blocks that one side fills, and which of PyTorch's gates each block holds. */
export interface Window {
  first: number
  gates: readonly number[]
}

/**
 * The gate blocks of a cell. A GRU has four for its three gates, because the input's and the hidden state's
 * parts of n stay apart: n, r, z, q. The input fills the first three, the hidden state the last three.
 */
export interface CellBlocks {
  blocks: number
  input: Window
  hidden: Window
}

const one: CellBlocks = { blocks: 1, input: { first: 0, gates: [0] }, hidden: { first: 0, gates: [0] } }

export const cellBlocks: Record<CellKind, CellBlocks> = {
  rnn_tanh: one,
  rnn_relu: one,
  gru: { blocks: 4, input: { first: 0, gates: [2, 0, 1] }, hidden: { first: 1, gates: [0, 1, 2] } },
  lstm: { blocks: 4, input: { first: 0, gates: [0, 1, 2, 3] }, hidden: { first: 0, gates: [0, 1, 2, 3] } },
}

export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit

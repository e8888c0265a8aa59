import type { Shape } from '../core/shape.js'

/** What users call the cells; an RNN is one of two kinds. */
export const cellNames = ['rnn', 'gru', 'lstm'] as const

/** A cell with its nonlinearity, as the kernels name it. */
export type CellKind = 'rnn_tanh' | 'rnn_relu' | 'gru' | 'lstm'

/** Consecutive gate blocks that one side fills, and which of PyTorch's gates each block holds. */
export interface Window {
  first: number
  gates: readonly number[]
}

/**
 * The gate blocks of a cell in the fast kernels. A GRU has four for its three gates, because the input's and the hidden
 * state's parts of n stay apart: n, r, z, q. The input fills the first three, the hidden state the last three.
 */
export interface CellBlocks {
  blocks: number
  input: Window
  hidden: Window
}

/** All that there is to know of a cell but its equations. */
export interface Cell {
  name: (typeof cellNames)[number]
  /** In PyTorch's order: each gate has hiddenSize rows of the weights and biases. */
  gates: readonly string[]
  /** How many of these gates at a time the equations use together; layer normalization is of each group by itself. */
  groups: readonly number[]
  /** What goes from one time step to the next. */
  states: readonly ('h' | 'c')[]
  blocks: CellBlocks
}

const rnn = {
  name: 'rnn',
  gates: ['h'],
  groups: [1],
  states: ['h'],
  blocks: { blocks: 1, input: { first: 0, gates: [0] }, hidden: { first: 0, gates: [0] } },
} as const

export const cells: Readonly<Record<CellKind, Cell>> = {
  rnn_tanh: rnn,
  rnn_relu: rnn,
  gru: {
    name: 'gru',
    gates: ['r', 'z', 'n'],
    groups: [2, 1],
    states: ['h'],
    blocks: { blocks: 4, input: { first: 0, gates: [2, 0, 1] }, hidden: { first: 1, gates: [0, 1, 2] } },
  },
  lstm: {
    name: 'lstm',
    gates: ['i', 'f', 'g', 'o'],
    groups: [4],
    states: ['h', 'c'],
    blocks: { blocks: 4, input: { first: 0, gates: [0, 1, 2, 3] }, hidden: { first: 0, gates: [0, 1, 2, 3] } },
  },
}

/** Whether a cell has a state c beside h. */
export const hasC = (kind: CellKind): boolean => cells[kind].states.includes('c')

/** What decides which parameters a cell has. */
export interface CellSizes {
  inputSize: number
  hiddenSize: number
  bias: boolean
  layerNorm: boolean
}

/** The parameters of a cell with their shapes, under PyTorch's names and in PyTorch's order. */
export function parameterShapes(
  kind: CellKind,
  { inputSize, hiddenSize, bias, layerNorm }: CellSizes,
): Record<string, Shape> {
  const rows = cells[kind].gates.length * hiddenSize
  const normalizedC = layerNorm && hasC(kind)
  return {
    weight_ih: [rows, inputSize],
    weight_hh: [rows, hiddenSize],
    ...(bias && { bias_ih: [rows], bias_hh: [rows] }),
    ...(layerNorm && { gain_ih: [rows], gain_hh: [rows] }),
    ...(normalizedC && { gain_c: [hiddenSize] }),
    ...(normalizedC && bias && { bias_c: [hiddenSize] }),
  }
}

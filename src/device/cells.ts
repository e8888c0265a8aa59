import type { Shape } from '../core/shape.js'

/** The names of the cells that other frameworks have, too; 'rnn' stands for two kinds. */
export const foreignCellNames = ['rnn', 'gru', 'lstm'] as const

/** The cells whose gates depend on the input alone (Feng et al. 2024). */
export const minimalCellNames = ['mingru', 'minlstm'] as const satisfies MinimalKind[]

/** The kind of such a cell. */
export type MinimalKind = 'mingru' | 'minlstm'

/** The names that users give the cells. */
export const cellNames = [...foreignCellNames, ...minimalCellNames] as const

/** The kernels' name for a cell with its nonlinearity. */
export type CellKind = 'rnn_tanh' | 'rnn_relu' | 'gru' | 'lstm'

/** The kind of a recurrent layer's cells. */
export type LayerKind = CellKind | MinimalKind

export const isMinimal = (kind: LayerKind): kind is MinimalKind => kind === 'mingru' || kind === 'minlstm'

/** The consecutive gate blocks that the input or the hidden state fills, and which of PyTorch's gates each holds. */
export interface Window {
  first: number
  gates: readonly number[]
}

/**
 * The gate blocks of a cell in the fast kernels. A GRU has four blocks, n, r, z and q, for its three gates, because it
 * keeps the contributions of the input and of the hidden state to n apart. The input fills the first three blocks, the
 * hidden state the last three.
 */
export interface CellBlocks {
  blocks: number
  input: Window
  hidden: Window
}

/** Everything about a cell except its equations. */
export interface Cell extends MinimalCell {
  name: (typeof foreignCellNames)[number]
  /** The sizes of the groups of gates that the equations use together; layer normalization is per group. */
  groups: readonly number[]
}

/** The same of a cell whose gates depend on the input alone. */
export interface MinimalCell {
  name: (typeof cellNames)[number]
  /** The gates in PyTorch's order; each has hiddenSize rows of the weights and biases. */
  gates: readonly string[]
  /** The states that one time step hands to the next. */
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

export const cells: Readonly<Record<CellKind, Cell> & Record<MinimalKind, MinimalCell>> = {
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
  mingru: {
    name: 'mingru',
    gates: ['z', 'h'],
    states: ['h'],
    blocks: { blocks: 2, input: { first: 0, gates: [0, 1] }, hidden: { first: 0, gates: [] } },
  },
  minlstm: {
    name: 'minlstm',
    gates: ['f', 'i', 'h'],
    states: ['h'],
    blocks: { blocks: 3, input: { first: 0, gates: [0, 1, 2] }, hidden: { first: 0, gates: [] } },
  },
}

/** Whether a cell has a state c besides h. */
export const hasC = (kind: LayerKind): boolean => cells[kind].states.includes('c')

/** The options that decide which parameters a cell has. */
export interface CellSizes {
  inputSize: number
  hiddenSize: number
  bias: boolean
  layerNorm: boolean
  /** Of an LSTM with a projection: the features of h. */
  projSize?: number
  /** Whether the gates i, f and o of an LSTM see c. */
  peepholes?: boolean
}

/** The parameters of a cell with their shapes, under PyTorch's names and in PyTorch's order. */
export function parameterShapes(
  kind: LayerKind,
  { inputSize, hiddenSize, bias, layerNorm, projSize, peepholes }: CellSizes,
): Record<string, Shape> {
  const rows = cells[kind].gates.length * hiddenSize
  if (isMinimal(kind)) return { weight_ih: [rows, inputSize], ...(bias && { bias_ih: [rows] }) }
  const normalizedC = layerNorm && hasC(kind)
  return {
    weight_ih: [rows, inputSize],
    weight_hh: [rows, projSize ?? hiddenSize],
    ...(bias && { bias_ih: [rows], bias_hh: [rows] }),
    ...(projSize && { weight_hr: [projSize, hiddenSize] }),
    ...(peepholes && { weight_ch: [3 * hiddenSize] }),
    ...(layerNorm && { gain_ih: [rows], gain_hh: [rows] }),
    ...(normalizedC && { gain_c: [hiddenSize] }),
    ...(normalizedC && bias && { bias_c: [hiddenSize] }),
  }
}

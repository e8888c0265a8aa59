import { FormatError } from '../../core/errors.js'
import type { EquationName } from '../../nn/equations.js'
import { type Activation, activationsOf } from './activations.js'
import type { GraphNode } from './graph.js'

/** The operators of recurrent layers. */
export type RecurrentOp = 'RNN' | 'GRU' | 'LSTM'

/** What the attributes of an RNN, GRU or LSTM node say: https://onnx.ai/onnx/operators/onnx__LSTM.html and its siblings. */
export interface RecurrentNode {
  op: RecurrentOp
  /** The number of units, if the node says it. */
  hiddenSize: number | undefined
  /** Whether each direction walks from the last step to the first. */
  reverse: readonly boolean[]
  /** The functions f, g and h of each direction. */
  activations: readonly (readonly Activation[])[]
  /** The cell here that has these functions in all directions, if there is one and nothing else differs. */
  cell: EquationName | undefined
  /** The bound of what goes into the functions. */
  clip: number
  linearBeforeReset: boolean
  inputForget: boolean
  /** Whether the batch comes before the steps: the attribute `layout`. */
  batchFirst: boolean
}

export const isRecurrent = ({ op }: { op: string }): boolean => Object.hasOwn(defaults, op)

/** The functions of nodes that name none. */
const defaults: Readonly<Record<RecurrentOp, readonly string[]>> = {
  RNN: ['Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
}

const directions = new Map([
  ['forward', [false]],
  ['reverse', [true]],
  ['bidirectional', [false, true]],
])

/** @throws FormatError for attributes that the standard does not have */
export function recurrentNode({ op: name, attributes }: GraphNode): RecurrentNode {
  const op = name as RecurrentOp
  const { what } = attributes
  const direction = attributes.string('direction') ?? 'forward'
  const reverse = directions.get(direction)
  if (!reverse)
    throw new FormatError(
      `${what} has the direction ${JSON.stringify(direction)}, expected forward, reverse or bidirectional`,
    )
  const layout = attributes.int('layout') ?? 0
  if (layout !== 0 && layout !== 1) throw new FormatError(`${what} has the layout ${layout}, expected 0 or 1`)

  const count = defaults[op].length
  const names = attributes.strings('activations') ?? reverse.flatMap(() => defaults[op])
  if (names.length !== count * reverse.length) {
    throw new FormatError(`${what} has ${names.length} activations, expected ${count * reverse.length}`)
  }
  const alphas = attributes.floats('activation_alpha') ?? []
  const functions = activationsOf(names, alphas, attributes.floats('activation_beta') ?? [], what)
  const activations = reverse.map((_, d) => functions.slice(d * count, (d + 1) * count))

  const clip = attributes.float('clip') ?? Infinity
  if (!(clip > 0)) throw new FormatError(`${what} has the clip ${clip}, expected a number above 0`)
  const linearBeforeReset = op === 'GRU' && (attributes.int('linear_before_reset') ?? 0) !== 0
  const inputForget = op === 'LSTM' && (attributes.int('input_forget') ?? 0) !== 0
  const hiddenSize = attributes.int('hidden_size')
  attributes.checkAllRead()
  const plain = clip === Infinity && !inputForget
  const cell = plain ? cellOf(op, names, linearBeforeReset) : undefined
  return { op, hiddenSize, reverse, activations, cell, clip, linearBeforeReset, inputForget, batchFirst: layout === 1 }
}

function cellOf(op: RecurrentOp, names: readonly string[], linearBeforeReset: boolean): EquationName | undefined {
  const are = (...functions: string[]) =>
    names.every((name, i) => name.toLowerCase() === functions[i % functions.length].toLowerCase())
  if (op === 'RNN') return are('Tanh') ? 'rnn_tanh' : are('Relu') ? 'rnn_relu' : undefined
  if (!are(...defaults[op])) return undefined
  return op === 'LSTM' ? 'lstm' : linearBeforeReset ? 'gru' : 'gru_reset_before'
}

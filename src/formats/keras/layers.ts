import type { Cell } from '../../device/cells.js'
import type { TensorValues } from '../safetensors.js'

/** The weights of one Keras layer in one direction, under Keras' names. */
export interface KerasWeights {
  embeddings?: TensorValues
  /** [inputs, gates × units], or [inputs, outputs] of a Dense layer. */
  kernel?: TensorValues
  /** [units, gates × units] */
  recurrent_kernel?: TensorValues
  /** [gates × units]; [2, gates × units] of a GRU with reset_after, for the input and for the state. */
  bias?: TensorValues
}

/** The name that a layer's recurrent class has in Keras. */
export const classOfCell = { rnn: 'SimpleRNN', gru: 'GRU', lstm: 'LSTM' } as const

/**
 * Where PyTorch's gates stand among Keras' gates, and the other way round: Keras has z, r, h in a GRU where PyTorch has
 * r, z, n, and i, f, c, o in an LSTM where PyTorch has i, f, g, o.
 */
const gateOrder: Readonly<Record<Cell['name'], readonly number[]>> = { rnn: [0], gru: [1, 0, 2], lstm: [0, 1, 2, 3] }

/**
 * The parameters of a recurrent layer in one direction under PyTorch's names. Keras has one bias, except in a GRU with
 * `reset_after`; PyTorch adds two, so the second is 0.
 */
export function fromKeras(
  cell: Cell['name'],
  { kernel, recurrent_kernel, bias }: Required<KerasWeights>,
): Record<'weight_ih' | 'weight_hh' | 'bias_ih' | 'bias_hh', TensorValues> {
  const order = gateOrder[cell]
  const columns = kernel.shape[1]
  const both = bias.shape.length === 2
  const biasOf = (row: number): TensorValues => {
    const data = row > 0 && !both ? new Float32Array(columns) : bias.data.subarray(row * columns, (row + 1) * columns)
    return { data: inOrder(data, columns, order), shape: [columns] }
  }
  return {
    weight_ih: transposed(gatesOfColumns(kernel, order)),
    weight_hh: transposed(gatesOfColumns(recurrent_kernel, order)),
    bias_ih: biasOf(0),
    bias_hh: biasOf(1),
  }
}

/**
 * The weights of a Keras layer from parameters under PyTorch's names: a GRU with `reset_after`, which is PyTorch's GRU, has
 * both biases; the one bias of other layers is the sum of the two.
 * @param resetAfter of a GRU
 */
export function toKeras(
  cell: Cell['name'],
  resetAfter: boolean,
  { weight_ih, weight_hh, bias_ih, bias_hh }: Readonly<Record<string, TensorValues | undefined>>,
): KerasWeights {
  const order = gateOrder[cell]
  const weights = {
    kernel: gatesOfColumns(transposed(weight_ih!), order),
    recurrent_kernel: gatesOfColumns(transposed(weight_hh!), order),
  }
  if (!bias_ih || !bias_hh) return weights
  const [input, state] = [bias_ih, bias_hh].map(({ data, shape: [rows] }) => inOrder(data, rows, order))
  const rows = input.length
  const bias =
    cell === 'gru' && resetAfter
      ? { data: Float32Array.from([...input, ...state]), shape: [2, rows] }
      : { data: input.map((value, i) => value + state[i]), shape: [rows] }
  return { ...weights, bias }
}

/** A matrix [rows, columns] as [columns, rows]. */
export function transposed({ data, shape: [rows, columns] }: TensorValues): TensorValues {
  const turned = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column]
  }
  return { data: turned, shape: [columns, rows] }
}

const gatesOfColumns = ({ data, shape }: TensorValues, order: readonly number[]): TensorValues => ({
  data: inOrder(data, shape[1], order),
  shape,
})

/** Rows whose gates, which are consecutive and of one size, stand in another order. */
function inOrder(data: TensorValues['data'], columns: number, order: readonly number[]): Float32Array {
  const result = new Float32Array(data.length)
  const units = columns / order.length
  for (let row = 0; row < data.length; row += columns) {
    order.forEach((from, to) => {
      result.set(data.subarray(row + from * units, row + (from + 1) * units), row + to * units)
    })
  }
  return result
}

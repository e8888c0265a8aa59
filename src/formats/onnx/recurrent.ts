import { FormatError } from '../../core/errors.js'
import { formatShape, type Shape, sameShape, sizeOf } from '../../core/shape.js'
import type { CellKind } from '../../device/cells.js'
import { noGrad } from '../../tensor/autograd.js'
import { inMemory } from '../../tensor/create.js'
import { recurrentLayer } from '../../tensor/recurrent.js'
import type { TensorValues } from '../safetensors.js'
import type { Budget } from './budget.js'
import { type Direction, step } from './equations.js'
import { peepholesFromOnnx, toTorchOrder } from './gate-order.js'
import type { RecurrentNode, RecurrentOp } from './recurrent-node.js'
import { transpose } from './shapes.js'

const gatesOf: Readonly<Record<RecurrentOp, number>> = { RNN: 1, GRU: 3, LSTM: 4 }

/** The inputs of a recurrent node, of which each but the first three may be absent. */
export interface RecurrentInputs {
  /** [steps, batch, inputSize] */
  x: TensorValues
  /** [directions, gates × hiddenSize, inputSize] */
  w: TensorValues
  /** [directions, gates × hiddenSize, hiddenSize] */
  r: TensorValues
  /** [directions, 2 × gates × hiddenSize] */
  b?: TensorValues
  /** The length of each sequence, [batch]. */
  lengths?: TensorValues
  /** [directions, batch, hiddenSize] */
  h0?: TensorValues
  c0?: TensorValues
  /** [directions, 3 × hiddenSize] */
  p?: TensorValues
}

/** The sizes of a node with its inputs. */
interface Sizes {
  numSteps: number
  batchSize: number
  inputSize: number
  hiddenSize: number
}

/** h at every step [steps, batch, hiddenSize], and the last states [batch, hiddenSize], of one direction. */
interface Walked {
  output: ArrayLike<number>
  hn: ArrayLike<number>
  cn: ArrayLike<number>
}

/**
 * The inputs of a node by their names, as their place says which they are.
 * @param what the node and its file, for messages
 * @throws FormatError for one that is missing, or that the operator does not have
 */
export function recurrentInputs(
  op: RecurrentOp,
  values: readonly (TensorValues | undefined)[],
  what: string,
): RecurrentInputs {
  const [x, w, r, b, lengths, h0, c0, p, ...others] = values
  const extra = op === 'LSTM' ? others : [c0, p, ...others]
  if (!x || !w || !r) throw new FormatError(`${what} lacks an input, expected X, W and R`)
  if (extra.some((value) => value)) throw new FormatError(`${what} has more inputs than the operator takes`)
  return { x, w, r, b, lengths, h0, c0, p }
}

/**
 * Runs an RNN, GRU or LSTM node.
 * @returns Y, Y_h and, for an LSTM, Y_c
 * @throws FormatError for inputs whose shapes do not belong together
 */
export function runRecurrent(
  node: RecurrentNode,
  given: RecurrentInputs,
  budget: Budget,
  what: string,
): TensorValues[] {
  const { op, reverse, batchFirst } = node
  const swap = (value: TensorValues | undefined) => value && (batchFirst ? transpose(value, [1, 0, 2]) : value)
  const inputs = { ...given, x: swap(given.x)!, h0: swap(given.h0), c0: swap(given.c0) }
  const sizes = sizesOf(node, inputs, what)
  const { numSteps, batchSize, inputSize, hiddenSize } = sizes
  const count = reverse.length
  const states = count * batchSize * hiddenSize
  budget.values(states * (numSteps + 2), what)
  budget.work(states * numSteps * gatesOf[op] * (inputSize + hiddenSize), what)

  const walked = reverse.map((_, d) =>
    // The kernels have no GRU that resets the state before its product.
    node.cell && node.cell !== 'gru_reset_before' && !inputs.lengths && numSteps * batchSize > 0
      ? fused(node.cell, node, sizes, inputs, d)
      : plain(node, sizes, inputs, d),
  )
  const y = new Float32Array(states * numSteps)
  const row = batchSize * hiddenSize
  for (const [d, { output }] of walked.entries()) {
    for (let t = 0; t < numSteps; t++) {
      const to = (t * count + d) * row
      for (let i = 0; i < row; i++) y[to + i] = output[t * row + i]
    }
  }
  const last = (of: 'hn' | 'cn'): TensorValues => {
    const data = new Float32Array(states)
    for (const [d, one] of walked.entries()) data.set(one[of], d * row)
    return { data, shape: [count, batchSize, hiddenSize] }
  }
  const results = [{ data: y, shape: [numSteps, count, batchSize, hiddenSize] }, last('hn')]
  if (op === 'LSTM') results.push(last('cn'))
  return batchFirst ? results.map((value, i) => transpose(value, i === 0 ? [2, 0, 1, 3] : [1, 0, 2])) : results
}

/** The sizes of a node; checks the shapes of all its inputs. */
function sizesOf(node: RecurrentNode, { x, w, r, b, lengths, h0, c0, p }: RecurrentInputs, what: string): Sizes {
  const [numSteps, batchSize, inputSize] = x.shape
  const hiddenSize = node.hiddenSize ?? r.shape[2]
  const [gates, count] = [gatesOf[node.op], node.reverse.length]
  const state = [count, batchSize, hiddenSize]
  const expected: [string, TensorValues | undefined, Shape][] = [
    ['X', x, [numSteps, batchSize, inputSize]],
    ['W', w, [count, gates * hiddenSize, inputSize]],
    ['R', r, [count, gates * hiddenSize, hiddenSize]],
    ['B', b, [count, 2 * gates * hiddenSize]],
    ['initial_h', h0, state],
    ['initial_c', c0, state],
    ['P', p, [count, 3 * hiddenSize]],
  ]
  for (const [name, value, shape] of expected) {
    if (!value) continue
    if (!sameShape(value.shape, shape) || !shape.every(Number.isSafeInteger) || value.data instanceof Int32Array) {
      throw new FormatError(
        `${what}: ${name} has the shape ${formatShape(value.shape)}, expected floats ${formatShape(shape)}`,
      )
    }
  }
  if (lengths) {
    const fits = lengths.data instanceof Int32Array && lengths.data.every((length) => length >= 0 && length <= numSteps)
    if (!fits || !sameShape(lengths.shape, [batchSize])) {
      throw new FormatError(`${what}: sequence_lens are not ${batchSize} whole numbers from 0 to ${numSteps}`)
    }
  }
  return { numSteps, batchSize, inputSize, hiddenSize }
}

/** The part of a value that belongs to a direction. */
function part(value: TensorValues, d: number): Float32Array {
  const size = sizeOf(value.shape.slice(1))
  return Float32Array.from(value.data.subarray(d * size, (d + 1) * size))
}

/** A direction on the kernels of recurrent layers, whose equations are those of the node. */
function fused(
  cell: CellKind,
  { reverse }: RecurrentNode,
  sizes: Sizes,
  { x, w, r, b, h0, c0, p }: RecurrentInputs,
  d: number,
): Walked {
  const { batchSize, inputSize, hiddenSize } = sizes
  const name = cell === 'gru' || cell === 'lstm' ? cell : 'rnn'
  const rows = w.shape[1]
  const ordered = (values: Float32Array, shape: Shape) => inMemory(toTorchOrder(name, values), shape)
  const biases = b && part(b, d)
  const state = (value: TensorValues | undefined) => value && inMemory(part(value, d), [batchSize, hiddenSize])
  const { output, hn, cn } = noGrad(() =>
    recurrentLayer(
      { cell, ...sizes, reverse: reverse[d] },
      {
        weightIh: ordered(part(w, d), [rows, inputSize]),
        weightHh: ordered(part(r, d), [rows, hiddenSize]),
        biasIh: biases && ordered(biases.subarray(0, rows), [rows]),
        biasHh: biases && ordered(biases.subarray(rows), [rows]),
        weightCh: p && inMemory(peepholesFromOnnx(part(p, d)), [3 * hiddenSize]),
      },
      inMemory(x.data, x.shape),
      state(h0),
      state(c0),
    ),
  )
  return { output: output.data, hn: hn.data, cn: cn?.data ?? [] }
}

/** A direction by the equations of the standard, sequence by sequence. Steps after a sequence's end have the output 0. */
function plain(node: RecurrentNode, sizes: Sizes, inputs: RecurrentInputs, d: number): Walked {
  const { numSteps, batchSize, inputSize, hiddenSize } = sizes
  const { x, w, r, b, lengths, h0, c0, p } = inputs
  const direction: Direction = {
    ...{ op: node.op, inputSize, hiddenSize, weights: part(w, d), recurrentWeights: part(r, d) },
    ...{ biases: b && part(b, d), peepholes: p && part(p, d), activations: node.activations[d] },
    ...{ clip: node.clip, linearBeforeReset: node.linearBeforeReset, inputForget: node.inputForget },
  }
  const row = batchSize * hiddenSize
  const output = new Float32Array(numSteps * row)
  const [hn, cn] = [new Float32Array(row), new Float32Array(row)]
  for (let sequence = 0; sequence < batchSize; sequence++) {
    const initial = (value: TensorValues | undefined): Float64Array =>
      Float64Array.from({ length: hiddenSize }, (_, unit) =>
        value ? value.data[d * row + sequence * hiddenSize + unit] : 0,
      )
    let state = { h: initial(h0), c: initial(c0) }
    const length = lengths ? lengths.data[sequence] : numSteps
    for (let k = 0; k < length; k++) {
      const t = node.reverse[d] ? length - 1 - k : k
      const from = (t * batchSize + sequence) * inputSize
      state = step(direction, x.data.subarray(from, from + inputSize), state)
      output.set(state.h, t * row + sequence * hiddenSize)
    }
    // The last state of a sequence without steps is 0, as in ONNX Runtime: the standard does not say.
    if (length === 0) continue
    hn.set(state.h, sequence * hiddenSize)
    cn.set(state.c, sequence * hiddenSize)
  }
  return { output, hn, cn }
}

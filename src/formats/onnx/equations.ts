import type { Activation } from './activations.js'
import type { RecurrentOp } from './recurrent-node.js'

/** What the equations of one direction need. Matrices are row-major, one row for each unit of each gate. */
export interface Direction {
  op: RecurrentOp
  inputSize: number
  hiddenSize: number
  weights: Float32Array
  recurrentWeights: Float32Array
  /** The biases of the input and then those of the state. */
  biases: Float32Array | undefined
  /** Of the gates i, o and f. */
  peepholes: Float32Array | undefined
  activations: readonly Activation[]
  clip: number
  linearBeforeReset: boolean
  inputForget: boolean
}

/** The state of one sequence. */
export interface State {
  h: Float64Array
  c: Float64Array
}

type Vector = Float64Array

const plus = (a: Vector, b: Vector): Vector => a.map((value, i) => value + b[i])
const times = (a: Vector, b: Vector): Vector => a.map((value, i) => value * b[i])

/**
 * One time step of one sequence, by the equations of the standard: https://onnx.ai/onnx/operators/onnx__RNN.html,
 * onnx__GRU.html and onnx__LSTM.html.
 */
export function step(direction: Direction, x: ArrayLike<number>, { h, c }: State): State {
  const { op, hiddenSize, inputSize, weights, recurrentWeights, biases, peepholes, clip } = direction
  const { linearBeforeReset, inputForget } = direction
  const gates = weights.length / (hiddenSize * inputSize)
  const [f, g] = direction.activations.map(
    (activation): Activation =>
      (value) =>
        activation(Math.min(Math.max(value, -clip), clip)),
  )
  // What an LSTM makes of c is not clipped in ONNX Runtime.
  const last = direction.activations[2]

  /** A gate's rows of a matrix times a vector, plus a bias. */
  const product = (matrix: Float32Array, gate: number, vector: ArrayLike<number>, biasBlock: number): Vector =>
    Float64Array.from({ length: hiddenSize }, (_, unit) => {
      const row = gate * hiddenSize + unit
      let sum = biases ? biases[biasBlock * hiddenSize + unit] : 0
      for (let k = 0; k < vector.length; k++) sum += matrix[row * vector.length + k] * vector[k]
      return sum
    })
  const input = (gate: number): Vector => product(weights, gate, x, gate)
  const hidden = (gate: number, state: Vector = h): Vector => product(recurrentWeights, gate, state, gates + gate)
  const peephole = (gate: number, state: Vector): Vector =>
    state.map((value, unit) => (peepholes ? peepholes[gate * hiddenSize + unit] * value : 0))

  if (op === 'RNN') return { h: plus(input(0), hidden(0)).map(f), c }

  if (op === 'GRU') {
    const z = plus(input(0), hidden(0)).map(f)
    const r = plus(input(1), hidden(1)).map(f)
    const n = plus(input(2), linearBeforeReset ? times(r, hidden(2)) : hidden(2, times(r, h))).map(g)
    return { h: n.map((value, unit) => (1 - z[unit]) * value + z[unit] * h[unit]), c }
  }

  const i = plus(plus(input(0), hidden(0)), peephole(0, c)).map(f)
  const forget = inputForget ? i.map((value) => 1 - value) : plus(plus(input(2), hidden(2)), peephole(2, c)).map(f)
  const candidate = plus(input(3), hidden(3)).map(g)
  const next = plus(times(forget, c), times(i, candidate))
  const o = plus(plus(input(1), hidden(1)), peephole(1, next)).map(f)
  return { h: times(o, next.map(last)), c: next }
}

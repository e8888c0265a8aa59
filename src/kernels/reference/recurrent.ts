import {
  type FloatArray,
  gatesOf,
  type Head,
  type RecurrentGrads,
  type RecurrentInput,
  type RecurrentOutput,
  type RecurrentOutputGrads,
  type RecurrentSizes,
  type RecurrentTape,
  type RecurrentWeights,
} from '../kernels.js'
import { sigmoid } from './elementwise.js'

/** Everything of one sequence of the batch at one time step that the backward pass asks for. */
interface Step {
  /** W_ih x + b_ih and W_hh h' + b_hh, then the gates in their place. */
  gates: Float64Array
  /** GRU: W_hn h' + b_hn. */
  q: Float64Array
  h: Float64Array
  c: Float64Array
}

/**
 * The recurrent layers written as their equations, one value at a time in double precision: the twin that
 * the fast kernels are compared with. Gates in PyTorch's order.
 */
export class ReferenceRecurrent implements RecurrentTape {
  readonly #steps: Step[][] = []

  constructor(
    readonly Float: Float32ArrayConstructor | Float64ArrayConstructor,
    readonly sizes: RecurrentSizes,
    readonly weights: RecurrentWeights,
    readonly given: RecurrentInput,
  ) {}

  forward(): RecurrentOutput {
    const { numSteps, batchSize, hiddenSize, cell } = this.sizes
    const { head } = this.weights
    const outFeatures = head ? head.weight.length / hiddenSize : hiddenSize
    const output = new this.Float(numSteps * batchSize * outFeatures)
    const hn = new this.Float(batchSize * hiddenSize)
    const cn = cell === 'lstm' ? new this.Float(batchSize * hiddenSize) : undefined
    for (let b = 0; b < batchSize; b++) {
      const steps: Step[] = []
      for (const t of this.#order()) {
        const step = this.#step(t, b, steps.at(-1) ?? this.#initial(b))
        const scores = head && Float64Array.from({ length: outFeatures }, (_, o) => scoreOf(head, o, step.h))
        output.set(scores ?? step.h, (t * batchSize + b) * outFeatures)
        steps.push(step)
      }
      hn.set(steps.at(-1)!.h, b * hiddenSize)
      cn?.set(steps.at(-1)!.c, b * hiddenSize)
      this.#steps.push(steps)
    }
    return { output, hn, cn }
  }

  #step(t: number, b: number, { h, c }: Pick<Step, 'h' | 'c'>): Step {
    const { inputSize, hiddenSize: H, cell } = this.sizes
    const { weightIh, weightHh, biasIh, biasHh } = this.weights
    const x = this.#input(t, b)
    const gates = new Float64Array(gatesOf[cell] * H)
    const next = { gates, q: new Float64Array(H), h: new Float64Array(H), c: new Float64Array(H) }
    const fromInput = (row: number) =>
      (typeof x === 'number' ? weightIh[row * inputSize + x] : dot(weightIh, row, x)) + (biasIh?.[row] ?? 0)
    const fromHidden = (row: number) => dot(weightHh, row, h) + (biasHh?.[row] ?? 0)
    const sum = (row: number) => fromInput(row) + fromHidden(row)
    for (let j = 0; j < H; j++) {
      if (cell === 'lstm') {
        const i = sigmoid(sum(j))
        const f = sigmoid(sum(H + j))
        const g = Math.tanh(sum(2 * H + j))
        const o = sigmoid(sum(3 * H + j))
        next.c[j] = f * c[j] + i * g
        next.h[j] = o * Math.tanh(next.c[j])
        gates[j] = i
        gates[H + j] = f
        gates[2 * H + j] = g
        gates[3 * H + j] = o
      } else if (cell === 'gru') {
        const r = sigmoid(sum(j))
        const z = sigmoid(sum(H + j))
        const q = fromHidden(2 * H + j)
        const n = Math.tanh(fromInput(2 * H + j) + r * q)
        next.h[j] = (1 - z) * n + z * h[j]
        next.q[j] = q
        gates[j] = r
        gates[H + j] = z
        gates[2 * H + j] = n
      } else {
        next.h[j] = cell === 'rnn_tanh' ? Math.tanh(sum(j)) : Math.max(sum(j), 0)
      }
    }
    return next
  }

  backward(grads: RecurrentOutputGrads, wanted: { input: boolean; state: boolean }): RecurrentGrads {
    const { numSteps, batchSize: B, inputSize, hiddenSize: H, cell } = this.sizes
    const { weightIh, weightHh, biasIh, biasHh, head } = this.weights
    const rows = gatesOf[cell] * H
    const zeros = (length: number) => new Float64Array(length)
    const dHead = head && grads.output && { weight: zeros(head.weight.length), bias: zeros(head.weight.length / H) }
    const dWih = zeros(weightIh.length)
    const dWhh = zeros(weightHh.length)
    const dbIh = zeros(rows)
    const dbHh = zeros(rows)
    const dInput = zeros(wanted.input ? numSteps * B * inputSize : 0)
    const dH0 = zeros(B * H)
    const dC0 = zeros(B * H)
    for (let b = 0; b < B; b++) {
      const order = this.#order()
      let dh = Float64Array.from({ length: H }, (_, j) => grads.hn?.[b * H + j] ?? 0)
      const dc = Float64Array.from({ length: H }, (_, j) => grads.cn?.[b * H + j] ?? 0)
      for (let s = numSteps - 1; s >= 0; s--) {
        const t = order[s]
        const previous = this.#steps[b][s - 1] ?? this.#initial(b)
        const dy = (j: number, size: number) => grads.output?.[(t * B + b) * size + j] ?? 0
        if (head && dHead) {
          const size = dHead.bias.length
          for (let o = 0; o < size; o++) {
            dHead.bias[o] += dy(o, size)
            for (let j = 0; j < H; j++) {
              dHead.weight[o * H + j] += dy(o, size) * this.#steps[b][s].h[j]
              dh[j] += dy(o, size) * head.weight[o * H + j]
            }
          }
        } else {
          for (let j = 0; j < H; j++) dh[j] += dy(j, H)
        }
        const { dIn, dHid, direct } = this.#gateGrads(this.#steps[b][s], previous, dh, dc)
        const x = this.#input(t, b)
        const dx = zeros(inputSize)
        for (let row = 0; row < rows; row++) {
          dbIh[row] += dIn[row]
          dbHh[row] += dHid[row]
          if (typeof x === 'number') dWih[row * inputSize + x] += dIn[row]
          else {
            for (let k = 0; k < inputSize; k++) {
              dWih[row * inputSize + k] += dIn[row] * x[k]
              dx[k] += dIn[row] * weightIh[row * inputSize + k]
            }
          }
          for (let k = 0; k < H; k++) {
            dWhh[row * H + k] += dHid[row] * previous.h[k]
            direct[k] += dHid[row] * weightHh[row * H + k]
          }
        }
        if (wanted.input) dInput.set(dx, (t * B + b) * inputSize)
        dh = direct
      }
      dH0.set(dh, b * H)
      dC0.set(dc, b * H)
    }
    const made = (values: Float64Array): FloatArray => new this.Float(values)
    return {
      weightIh: made(dWih),
      weightHh: made(dWhh),
      biasIh: biasIh && made(dbIh),
      biasHh: biasHh && made(dbHh),
      head: dHead && { weight: made(dHead.weight), bias: head.bias && made(dHead.bias) },
      input: wanted.input ? made(dInput) : undefined,
      h0: wanted.state ? made(dH0) : undefined,
      c0: wanted.state && cell === 'lstm' ? made(dC0) : undefined,
    }
  }

  /**
   * Gradients of the gates' sums, on the input's side and on the hidden state's (they differ in a GRU's n),
   * and what of dh reaches h' past the gates. Turns dc into the gradient of c'.
   */
  #gateGrads(step: Step, previous: Pick<Step, 'h' | 'c'>, dh: Float64Array, dc: Float64Array) {
    const { hiddenSize: H, cell } = this.sizes
    const { gates } = step
    const dIn = new Float64Array(gates.length)
    const direct = new Float64Array(H)
    for (let j = 0; j < H; j++) {
      if (cell === 'lstm') {
        const [i, f, g, o] = [gates[j], gates[H + j], gates[2 * H + j], gates[3 * H + j]]
        const y = Math.tanh(step.c[j])
        const d = dc[j] + dh[j] * o * (1 - y * y)
        dIn[j] = d * g * i * (1 - i)
        dIn[H + j] = d * previous.c[j] * f * (1 - f)
        dIn[2 * H + j] = d * i * (1 - g * g)
        dIn[3 * H + j] = dh[j] * y * o * (1 - o)
        dc[j] = d * f
      } else if (cell === 'gru') {
        const [r, z, n] = [gates[j], gates[H + j], gates[2 * H + j]]
        // As PyTorch has it: where dh is infinite, so is not 1 - z times it, but NaN.
        const dn = (dh[j] - dh[j] * z) * (1 - n * n)
        dIn[j] = dn * step.q[j] * r * (1 - r)
        dIn[H + j] = dh[j] * (previous.h[j] - n) * z * (1 - z)
        dIn[2 * H + j] = dn
        direct[j] = dh[j] * z
      } else {
        const h = step.h[j]
        dIn[j] = cell === 'rnn_tanh' ? dh[j] * (1 - h * h) : h > 0 ? dh[j] : 0
      }
    }
    const dHid = dIn.slice()
    if (cell === 'gru') for (let j = 0; j < H; j++) dHid[2 * H + j] *= gates[j]
    return { dIn, dHid, direct }
  }

  #order(): number[] {
    const times = Array.from({ length: this.sizes.numSteps }, (_, t) => t)
    return this.sizes.reverse ? times.reverse() : times
  }

  /** One row of the input, or its token. */
  #input(t: number, b: number): FloatArray | number {
    const { batchSize, inputSize } = this.sizes
    const { input } = this.given
    const at = t * batchSize + b
    return input instanceof Int32Array ? input[at] : input.subarray(at * inputSize, (at + 1) * inputSize)
  }

  #initial(b: number): Pick<Step, 'h' | 'c'> {
    const { hiddenSize: H } = this.sizes
    const row = (state: FloatArray | undefined) => Float64Array.from({ length: H }, (_, j) => state?.[b * H + j] ?? 0)
    return { h: row(this.given.h0), c: row(this.given.c0) }
  }
}

/** Output `o` of a linear layer on top of h. */
function scoreOf({ weight, bias }: Head, o: number, h: Float64Array): number {
  return dot(weight, o, h) + (bias?.[o] ?? 0)
}

/** Row `row` of a row-major matrix times a vector. */
function dot(matrix: FloatArray, row: number, vector: ArrayLike<number>): number {
  let sum = 0
  for (let k = 0; k < vector.length; k++) sum += matrix[row * vector.length + k] * vector[k]
  return sum
}

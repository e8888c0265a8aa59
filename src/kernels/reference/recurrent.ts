import { type CellKind, cells, hasC } from '../../device/cells.js'
import type {
  FloatArray,
  OutputWeights,
  RecurrentGrads,
  RecurrentInput,
  RecurrentOutput,
  RecurrentOutputGrads,
  RecurrentSizes,
  RecurrentTape,
  RecurrentWeights,
} from '../../device/device.js'
import type { Equations, Unit } from './cells/equations.js'
import { gru } from './cells/gru.js'
import { lstm } from './cells/lstm.js'
import { rnnRelu, rnnTanh } from './cells/rnn.js'
import { type Normalized, normalize, normalizeGrad } from './normalize.js'

const equations: Readonly<Record<CellKind, Equations>> = { rnn_tanh: rnnTanh, rnn_relu: rnnRelu, gru, lstm }

/** One sequence of the batch after one time step: what the backward pass asks for. */
interface Step {
  /** None before the first step. */
  units: Unit[]
  h: Float64Array
  c: Float64Array
  /** Of layer normalization: what was normalized of the input's sums, of the hidden state's, and of c. */
  input?: Normalized
  hidden?: Normalized
  cell?: Normalized
}

/**
 * A recurrent layer's walk through time, one value at a time in double precision: the twin that the fast kernels are
 * compared with. What happens in a step are the equations of its cell. Gates in PyTorch's order.
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
    const cn = hasC(cell) ? new this.Float(batchSize * hiddenSize) : undefined
    for (let b = 0; b < batchSize; b++) {
      const steps: Step[] = []
      for (const t of this.#order(b)) {
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

  #step(t: number, b: number, { h, c }: Step): Step {
    const { inputSize, hiddenSize: H, cell } = this.sizes
    const { weightIh, weightHh, biasIh, biasHh } = this.weights
    const x = this.#input(t, b)
    const gates = cells[cell].gates.length
    const { gainIh, gainHh, gainC, biasC } = this.weights
    const ofInput = Float64Array.from({ length: gates * H }, (_, row) =>
      typeof x === 'number' ? weightIh[row * inputSize + x] : dot(weightIh, row, x),
    )
    const ofHidden = Float64Array.from({ length: gates * H }, (_, row) => dot(weightHh, row, h))
    const input = gainIh && normalize(ofInput, this.#groups)
    const hidden = gainHh && normalize(ofHidden, this.#groups)
    const as = affine(input?.values ?? ofInput, gainIh, biasIh)
    const us = affine(hidden?.values ?? ofHidden, gainHh, biasHh)
    const units = Array.from({ length: H }, (_, j) => {
      const ofUnit = (sums: Float64Array) => Array.from({ length: gates }, (_, gate) => sums[gate * H + j])
      return equations[cell].forward(ofUnit(as), ofUnit(us), { h: h[j], c: c[j] }, this.#peepholes(j))
    })
    const nextC = Float64Array.from(units, (unit) => unit.c)
    const normal = gainC && normalize(nextC, [H])
    if (normal) {
      const cs = affine(normal.values, gainC, biasC)
      for (const [j, unit] of units.entries()) unit.h = equations[cell].output!.h(unit.gates, cs[j])
    }
    return { units, h: Float64Array.from(units, (unit) => unit.h), c: nextC, input, hidden, cell: normal }
  }

  /** The peepholes of a unit. */
  #peepholes(j: number): number[] | undefined {
    const { weightCh } = this.weights
    const H = this.sizes.hiddenSize
    return weightCh && [0, 1, 2].map((gate) => weightCh[gate * H + j])
  }

  /** The number of values in each group of gates. */
  get #groups(): number[] {
    return cells[this.sizes.cell].groups.map((gates) => gates * this.sizes.hiddenSize)
  }

  backward(grads: RecurrentOutputGrads, wanted: { input: boolean; state: boolean }): RecurrentGrads {
    const { numSteps, batchSize: B, inputSize, hiddenSize: H, cell } = this.sizes
    const { weightIh, weightHh, biasIh, biasHh, head } = this.weights
    const rows = cells[cell].gates.length * H
    const zeros = (length: number) => new Float64Array(length)
    const dHead = head && grads.output && { weight: zeros(head.weight.length), bias: zeros(head.weight.length / H) }
    const dWih = zeros(weightIh.length)
    const dWhh = zeros(weightHh.length)
    const dbIh = zeros(rows)
    const dbHh = zeros(rows)
    const { gainIh, gainHh, gainC, biasC } = this.weights
    const [dgIh, dgHh, dgC, dbC] = [zeros(rows), zeros(rows), zeros(H), zeros(H)]
    const dCh = zeros(3 * H)
    const dInput = zeros(wanted.input ? numSteps * B * inputSize : 0)
    const dH0 = zeros(B * H)
    const dC0 = zeros(B * H)
    for (let b = 0; b < B; b++) {
      const order = this.#order(b)
      let dh = Float64Array.from({ length: H }, (_, j) => grads.hn?.[b * H + j] ?? 0)
      let dc = Float64Array.from({ length: H }, (_, j) => grads.cn?.[b * H + j] ?? 0)
      for (let s = order.length - 1; s >= 0; s--) {
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
        const step = this.#steps[b][s]
        const { output } = equations[cell]
        if (output) {
          const cs = step.cell ? affine(step.cell.values, gainC, biasC) : step.c
          const ofOutput = dh.map((d, j) => output.dc(step.units[j].gates, cs[j], d))
          const toC = step.cell ? gradOf(step.cell, ofOutput, [H], gainC!, dgC, dbC) : ofOutput
          dc = dc.map((d, j) => d + toC[j])
        }
        let dIn: Float64Array = zeros(rows)
        let dHid: Float64Array = zeros(rows)
        const [direct, directC] = [zeros(H), zeros(H)]
        for (let j = 0; j < H; j++) {
          const before = { h: previous.h[j], c: previous.c[j] }
          const unit = equations[cell].backward(step.units[j], before, dh[j], dc[j], this.#peepholes(j))
          const { input, hidden, h, c, peepholes = [] } = unit
          for (const [gate, d] of peepholes.entries()) dCh[gate * H + j] += d
          for (let gate = 0; gate < input.length; gate++) {
            dIn[gate * H + j] = input[gate]
            dHid[gate * H + j] = hidden[gate]
          }
          direct[j] = h
          directC[j] = c
        }
        const x = this.#input(t, b)
        const dx = zeros(inputSize)
        addTo(dbIh, dIn)
        addTo(dbHh, dHid)
        if (step.input) dIn = gradOf(step.input, dIn, this.#groups, gainIh!, dgIh)
        if (step.hidden) dHid = gradOf(step.hidden, dHid, this.#groups, gainHh!, dgHh)
        for (let row = 0; row < rows; row++) {
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
        dc = directC
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
      gainIh: gainIh && made(dgIh),
      gainHh: gainHh && made(dgHh),
      gainC: gainC && made(dgC),
      biasC: biasC && made(dbC),
      weightCh: this.weights.weightCh && made(dCh),
      head: dHead && { weight: made(dHead.weight), bias: head.bias && made(dHead.bias) },
      input: wanted.input ? made(dInput) : undefined,
      h0: wanted.state ? made(dH0) : undefined,
      c0: wanted.state && hasC(cell) ? made(dC0) : undefined,
    }
  }

  /** The times of a sequence, in the order in which it is read. */
  #order(b: number): number[] {
    const { numSteps, lengths, reverse } = this.sizes
    const times = Array.from({ length: lengths?.[b] ?? numSteps }, (_, t) => t)
    return reverse ? times.reverse() : times
  }

  /** One row of the input, or its token. */
  #input(t: number, b: number): FloatArray | number {
    const { batchSize, inputSize } = this.sizes
    const { input } = this.given
    const at = t * batchSize + b
    return input instanceof Int32Array ? input[at] : input.subarray(at * inputSize, (at + 1) * inputSize)
  }

  #initial(b: number): Step {
    const { hiddenSize: H } = this.sizes
    const row = (state: FloatArray | undefined) => Float64Array.from({ length: H }, (_, j) => state?.[b * H + j] ?? 0)
    return { units: [], h: row(this.given.h0), c: row(this.given.c0) }
  }
}

/** x gain + bias */
function affine(x: Float64Array, gain: FloatArray | undefined, bias: FloatArray | undefined): Float64Array {
  return x.map((value, i) => value * (gain?.[i] ?? 1) + (bias?.[i] ?? 0))
}

const addTo = (sums: Float64Array, values: Float64Array): void =>
  values.forEach((value, i) => {
    sums[i] += value
  })

/** The gradient of what was normalized from that of x̂ gain + bias, `dy`; adds those of the gain and the bias to their sums. */
function gradOf(
  kept: Normalized,
  dy: Float64Array,
  groups: readonly number[],
  gain: FloatArray,
  dgain: Float64Array,
  dbias?: Float64Array,
): Float64Array {
  addTo(
    dgain,
    dy.map((value, i) => value * kept.values[i]),
  )
  if (dbias) addTo(dbias, dy)
  return normalizeGrad(
    kept,
    dy.map((value, i) => value * gain[i]),
    groups,
  )
}

/** Output `o` of a linear layer on top of h. */
function scoreOf({ weight, bias }: OutputWeights, o: number, h: Float64Array): number {
  return dot(weight, o, h) + (bias?.[o] ?? 0)
}

/** Row `row` of a row-major matrix times a vector. */
function dot(matrix: FloatArray, row: number, vector: ArrayLike<number>): number {
  let sum = 0
  for (let k = 0; k < vector.length; k++) sum += matrix[row * vector.length + k] * vector[k]
  return sum
}

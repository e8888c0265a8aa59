import { beforeEach, describe, expect, test } from 'vitest'
import { devices, precisionOf } from '../../test/kernel-sets.js'
import { relativeError } from '../../test/read-fixture.js'
import { OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { fromData, randn, type Tensor } from '../index.js'
import { setDefaultDevice } from '../kernels/devices.js'
import { GRU, GRUCell } from './gru.js'
import { RNNModel } from './model.js'

type Rows = number[][]
type Parameters = Readonly<Record<string, readonly number[]>>

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/**
 * The GRU of version 3 of Cho et al. 2014, as Keras documents it under reset_after=False, written out for one sequence in
 * double precision: https://keras.io/api/layers/recurrent_layers/gru/. Gates in the order r, z, n.
 */
function walk(
  parameters: Parameters,
  suffix: string,
  xs: Rows,
  h0: number[],
  reverse: boolean,
): { hs: Rows; h: number[] } {
  const of = (name: string) => parameters[`${name}_${suffix}`]
  const [wi, wh, bi, bh] = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map(of)
  const H = h0.length
  const row = (matrix: readonly number[], i: number, vector: number[]) =>
    vector.reduce((sum, value, k) => sum + matrix[i * vector.length + k] * value, 0)
  let h = h0
  const hs: Rows = []
  for (const t of reverse ? xs.map((_, i) => xs.length - 1 - i) : xs.keys()) {
    const sums = (gate: number, state: number[]) =>
      h.map((_, j) => {
        const i = gate * H + j
        return row(wi, i, xs[t]) + row(wh, i, state) + (bi?.[i] ?? 0) + (bh?.[i] ?? 0)
      })
    const before = h
    const [r, z] = [0, 1].map((gate) => sums(gate, before).map(sigmoid))
    const reset = before.map((value, j) => r[j] * value)
    const n = sums(2, reset).map(Math.tanh)
    h = n.map((value, j) => (1 - z[j]) * value + z[j] * before[j])
    hs[t] = h
  }
  return { hs, h }
}

/** The outputs and last states of two layers in two directions, flat: [steps, 2 × units] and [4, units]. */
function twoLayers(parameters: Parameters, xs: Rows, h0s: Rows): number[] {
  const last: Rows = []
  let output = xs
  for (let layer = 0; layer < 2; layer++) {
    const [forward, backward] = ['', '_reverse'].map((end, d) =>
      walk(parameters, `l${layer}${end}`, output, h0s[layer * 2 + d], d === 1),
    )
    last.push(forward.h, backward.h)
    output = xs.map((_, t) => [...forward.hs[t], ...backward.hs[t]])
  }
  return [...output, ...last].flat()
}

const [steps, batch, inputSize, hiddenSize] = [4, 3, 5, 6]
const sizes = { inputSize, hiddenSize, numLayers: 2, bidirectional: true, resetAfter: false }

/** The part of a flat array with these axes that belongs to a place of the second axis. */
const rowsOf = (values: ArrayLike<number>, at: number, width: number): Rows =>
  Array.from({ length: values.length / (batch * width) }, (_, first) =>
    Array.from({ length: width }, (_, k) => values[(first * batch + at) * width + k]),
  )

interface Expected {
  /** [steps, batch, 2 × units] and [4, batch, units], flat. */
  output: number[]
  state: number[]
  /** Central differences of Σ output² + Σ state by some values of each parameter, spread over it. */
  gradients: Record<string, [index: number, value: number][]>
}

const known = new Map<boolean, Expected>()

/** What the formulas give for these values, which are the same on each device. */
function expected(bias: boolean, values: Record<string, number[]>): Expected {
  const found = known.get(bias)
  if (found) return found
  const run = () => {
    const { x, h0, ...parameters } = values
    const all = Array.from({ length: batch }, (_, b) =>
      twoLayers(parameters, rowsOf(x, b, inputSize), rowsOf(h0, b, hiddenSize)),
    )
    const cut = (from: number, rows: number, width: number) =>
      Array.from({ length: rows }, (_, row) =>
        all.flatMap((one) => one.slice(from + row * width, from + (row + 1) * width)),
      ).flat()
    return { output: cut(0, steps, 2 * hiddenSize), state: cut(steps * 2 * hiddenSize, 4, hiddenSize) }
  }
  const loss = (): number => {
    const { output, state } = run()
    return output.reduce((sum, y) => sum + y * y, 0) + state.reduce((sum, y) => sum + y, 0)
  }
  const made: Expected = { ...run(), gradients: {} }
  for (const [name, own] of Object.entries(values)) {
    made.gradients[name] = []
    for (let i = 0; i < own.length; i += Math.ceil(own.length / 7)) {
      const value = own[i]
      const [above, below] = [1e-5, -1e-5].map((change) => {
        own[i] = value + change
        return loss()
      })
      own[i] = value
      made.gradients[name].push([i, (above - below) / 2e-5])
    }
  }
  known.set(bias, made)
  return made
}

describe.each(devices)('a GRU with resetAfter: false on $name', (device) => {
  beforeEach(() => setDefaultDevice(device))

  test.each([true, false])('bias %s: outputs, states and gradients are those of the formulas', async (bias) => {
    const generator = new Generator(2)
    const gru = new GRU({ ...sizes, bias, generator })
    const x = randn([steps, batch, inputSize], generator).requiresGrad_()
    const h0 = randn([4, batch, hiddenSize], generator).requiresGrad_()
    const { output, state } = gru.forward(x, h0)
    const named = gru.namedParameters()
    const parameters: Record<string, number[]> = {}
    for (const [name, parameter] of named) parameters[name] = [...(await parameter.values())]
    const [xs, h0s] = [[...(await x.values())], [...(await h0.values())]]
    const right = expected(bias, { ...parameters, x: xs, h0: h0s })
    const precision = precisionOf(device)
    expect(relativeError(await output.values(), right.output)).toBeLessThan(precision)
    expect(relativeError(await state.values(), right.state)).toBeLessThan(precision)

    output.square().sum().add(state.sum()).backward()
    const leaves: Record<string, Tensor> = { ...Object.fromEntries(named), x, h0 }
    for (const [name, differences] of Object.entries(right.gradients)) {
      const grad = await leaves[name].grad!.values()
      for (const [i, value] of differences) expect(grad[i], `${name} ${i}`).toBeCloseTo(value, 3)
    }
  })

  test('a cell makes the steps of a layer, and batchFirst only turns axes', async () => {
    const options = { inputSize, hiddenSize, resetAfter: false }
    const cell = new GRUCell({ ...options, generator: new Generator(3) })
    const gru = new GRU({ ...options, batchFirst: true, generator: new Generator(3) })
    const x = randn([batch, steps, inputSize], new Generator(4))
    const { output } = gru.forward(x)
    let h = cell.beginState(batch)
    for (let t = 0; t < steps; t++) {
      h = cell.forward(x.select(1, t), h)
      expect(relativeError(await output.select(1, t).values(), await h.values())).toBeLessThan(1e-5)
    }
  })

  test('a model runs token by token as it does over a sequence, with states that come and go', async () => {
    const generator = new Generator(5)
    for (const options of [
      { bias: true, numLayers: 2 },
      { bias: false, embeddingSize: 4 },
    ]) {
      const { embeddingSize, ...ofLayer } = options
      const gru = new GRU({ inputSize: embeddingSize ?? 7, hiddenSize, resetAfter: false, ...ofLayer, generator })
      const model = new RNNModel(gru, 7, { embeddingSize, generator })
      const draw = () => Int32Array.from({ length: batch }, () => generator.integer(7))
      const tokens = Array.from({ length: steps }, draw)
      const scores = (of: Int32Array[]) =>
        model
          .forward(fromData(Int32Array.from(of.flatMap((row) => [...row])), [of.length, batch]).T)
          .output.reshape(of.length, batch, 7)
          .select(0, of.length - 1)
          .values()
      const stepper = model.stepper(batch)
      for (let t = 0; t < steps; t++) {
        expect(relativeError(await stepper.step(tokens[t]), await scores(tokens.slice(0, t + 1)))).toBeLessThan(1e-5)
      }
      // The second and third go on as the first did; then one of them begins again, and one advances alone.
      stepper.select(Int32Array.of(0, 0, 0))
      const state = stepper.stateOf(2)
      stepper.setState(1, undefined)
      const next = draw()
      const first = await stepper.step(next, 2)
      expect(first).toHaveLength(2 * 7)
      const histories = [...tokens.map((row) => Int32Array.of(row[0], row[0], row[0])), next]
      expect(relativeError(first.slice(0, 7), (await scores(histories)).slice(0, 7))).toBeLessThan(1e-5)
      expect(relativeError(first.slice(7), (await scores([next])).slice(7, 14))).toBeLessThan(1e-5)
      const third = await stepper.step(next)
      expect(relativeError(third.slice(14), (await scores(histories)).slice(14))).toBeLessThan(1e-5)
      stepper.setState(0, state)
      expect(relativeError((await stepper.step(next)).slice(0, 7), (await scores(histories)).slice(0, 7))).toBeLessThan(
        1e-5,
      )
      stepper.free()
    }
  })
})

test('layer normalization needs resetAfter', () => {
  const options = { inputSize, hiddenSize, resetAfter: false, layerNorm: true }
  expect(() => new GRU(options)).toThrow(OptionError)
  expect(() => new GRUCell(options)).toThrow('GRUCell: layerNorm with resetAfter = false')
})

import { beforeEach, describe, expect, test } from 'vitest'
import { devices, precisionOf } from '../../test/kernel-sets.js'
import { byFormulas, type Expected, type LayerFormulas, order, product, type Rows } from '../../test/layer-formulas.js'
import { relativeError } from '../../test/read-fixture.js'
import { expectStepsLikeForward } from '../../test/steps-like-forward.js'
import { OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { randn, type Tensor } from '../index.js'
import { setDefaultDevice } from '../kernels/devices.js'
import { GRU, GRUCell } from './gru.js'
import { RNNModel } from './model.js'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/**
 * The GRU of version 3 of Cho et al. 2014, as Keras documents it under reset_after=False, written out for one sequence in
 * double precision: https://keras.io/api/layers/recurrent_layers/gru/. Gates in the order r, z, n.
 */
const walk: LayerFormulas = (parameters, suffix, xs, h0, reverse) => {
  const of = (name: string) => parameters[`${name}_${suffix}`]
  const [wi, wh, bi, bh] = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map(of)
  const H = h0.length
  let h = h0
  const hs: Rows = []
  for (const t of order(xs.length, reverse)) {
    const sums = (gate: number, state: number[]) => {
      const [a, u] = [product(wi, gate * H, H, xs[t]), product(wh, gate * H, H, state)]
      return h.map((_, j) => a[j] + u[j] + (bi?.[gate * H + j] ?? 0) + (bh?.[gate * H + j] ?? 0))
    }
    const before = h
    const [r, z] = [0, 1].map((gate) => sums(gate, before).map(sigmoid))
    const reset = before.map((value, j) => r[j] * value)
    const n = sums(2, reset).map(Math.tanh)
    h = n.map((value, j) => (1 - z[j]) * value + z[j] * before[j])
    hs[t] = h
  }
  return { hs, h }
}

const [steps, batch, inputSize, hiddenSize] = [4, 3, 5, 6]
const sizes = { inputSize, hiddenSize, numLayers: 2, bidirectional: true, resetAfter: false }

const known = new Map<boolean, Expected>()

/** What the formulas give for these values, which are the same on each device. */
function expected(bias: boolean, values: Record<string, number[]>): Expected {
  const found = known.get(bias) ?? byFormulas(walk, { steps, batch, inputSize, hiddenSize }, values)
  known.set(bias, found)
  return found
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
      await expectStepsLikeForward(model, steps, generator)
    }
  })
})

test('layer normalization needs resetAfter', () => {
  const options = { inputSize, hiddenSize, resetAfter: false, layerNorm: true }
  expect(() => new GRU(options)).toThrow(OptionError)
  expect(() => new GRUCell(options)).toThrow('GRUCell: layerNorm with resetAfter = false')
})

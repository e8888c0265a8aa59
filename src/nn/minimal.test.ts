import { beforeEach, describe, expect, test } from 'vitest'
import { devices, precisionOf } from '../../test/kernel-sets.js'
import { byFormulas, type Expected, type LayerFormulas, order, product, type Rows } from '../../test/layer-formulas.js'
import { relativeError } from '../../test/read-fixture.js'
import { expectStepsLikeForward } from '../../test/steps-like-forward.js'
import { OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Adam, constant, crossEntropy, fromData, initialize, RNNModel, rand, randn, type Tensor } from '../index.js'
import { setDefaultDevice } from '../kernels/devices.js'
import { MinGRU, type MinimalOptions, MinLSTM } from './minimal.js'

const softplus = (x: number): number => Math.log1p(Math.exp(x))
/** log g of the paper's appendix B.3. */
const logG = (x: number): number => (x >= 0 ? Math.log(Math.max(x, 0) + 0.5) : -softplus(-x))

/**
 * The parallel mode of appendix B of Feng et al. 2024 in log-space: log h_t = a*_t + log Σ_{k ≤ t} exp(log b_k − a*_k), where
 * a*_t are the cumulative sums of log a (Heinsen 2023).
 */
function scanLog(logAs: readonly number[], logBs: readonly number[]): number[] {
  let [star, sum] = [0, 0]
  return logBs.map((logB, k) => {
    star += k === 0 ? 0 : logAs[k - 1]
    sum += Math.exp(logB - star)
    return Math.exp(star + Math.log(sum))
  })
}

/** The logarithms of what stays of the state, and of what comes in, from the sums of the gates before the candidate's. */
const coefficients: Record<'mingru' | 'minlstm', (sums: readonly number[]) => [logA: number, logIn: number]> = {
  mingru: ([k]) => [-softplus(k), -softplus(-k)],
  minlstm: ([f, i]) => {
    const diff = softplus(-f) - softplus(-i)
    return [-softplus(diff), -softplus(-diff)]
  },
}

const formulas =
  (cell: 'mingru' | 'minlstm'): LayerFormulas =>
  (parameters, suffix, xs, h0, reverse) => {
    const [weight, bias] = ['weight_ih', 'bias_ih'].map((name) => parameters[`${name}_${suffix}`])
    const H = h0.length
    const gates = weight.length / xs[0].length / H
    const hs: Rows = xs.map(() => [])
    const h = h0.map((start, j) => {
      const steps = order(xs.length, reverse).map((t) =>
        Array.from(
          { length: gates },
          (_, gate) => product(weight, gate * H + j, 1, xs[t])[0] + (bias?.[gate * H + j] ?? 0),
        ),
      )
      const logs = steps.map((sums) => coefficients[cell](sums))
      const candidates = steps.map((sums) => logG(sums[gates - 1]))
      const logBs = [Math.log(start), ...logs.map(([, logIn], i) => logIn + candidates[i])]
      const states = scanLog(
        logs.map(([logA]) => logA),
        logBs,
      ).slice(1)
      for (const [i, t] of order(xs.length, reverse).entries()) hs[t][j] = states[i]
      return states.at(-1)!
    })
    return { hs, h }
  }

const [steps, batch, inputSize, hiddenSize] = [5, 3, 4, 6]
const known = new Map<string, Expected>()

const layers = {
  mingru: (options: MinimalOptions) => new MinGRU(options),
  minlstm: (options: MinimalOptions) => new MinLSTM(options),
}
const cells = ['mingru', 'minlstm'] as const

describe.each(devices)('minimal cells on $name', (device) => {
  beforeEach(() => setDefaultDevice(device))

  test.each(cells.flatMap((cell) => [true, false].map((bias) => ({ cell, bias }))))(
    '$cell, bias $bias: outputs, states and gradients are those of the paper’s formulas in log-space',
    async ({ cell, bias }) => {
      const generator = new Generator(2)
      const layer = layers[cell]({ inputSize, hiddenSize, numLayers: 2, bidirectional: true, bias, generator })
      const x = randn([steps, batch, inputSize], generator).requiresGrad_()
      const h0 = rand([4, batch, hiddenSize], generator).requiresGrad_()
      const { output, state } = layer.forward(x, h0)
      const values: Record<string, number[]> = { x: [...(await x.values())], h0: [...(await h0.values())] }
      const named = layer.namedParameters()
      for (const [name, parameter] of named) values[name] = [...(await parameter.values())]
      const key = `${cell} ${bias}`
      const right = known.get(key) ?? byFormulas(formulas(cell), { steps, batch, inputSize, hiddenSize }, values)
      known.set(key, right)
      expect(relativeError(await output.values(), right.output)).toBeLessThan(precisionOf(device))
      expect(relativeError(await state.values(), right.state)).toBeLessThan(precisionOf(device))

      output.square().sum().add(state.sum()).backward()
      const leaves: Record<string, Tensor> = { ...Object.fromEntries(named), x, h0 }
      for (const [name, differences] of Object.entries(right.gradients)) {
        const grad = await leaves[name].grad!.values()
        for (const [i, value] of differences) expect(grad[i], `${name} ${i}`).toBeCloseTo(value, 3)
      }
    },
  )

  test.each(cells)('%s: two halves of a sequence with the state carried are the whole', async (cell) => {
    const layer = layers[cell]({ inputSize, hiddenSize, batchFirst: true, generator: new Generator(3) })
    const x = randn([batch, 6, inputSize], new Generator(4))
    // A state of any sign is taken as it is.
    const h0 = randn([1, batch, hiddenSize], new Generator(5))
    const whole = layer.forward(x, h0)
    const first = layer.forward(x.slice(1, 0, 2), h0)
    const second = layer.forward(x.slice(1, 2, 6), first.state)
    const precision = precisionOf(device)
    expect(relativeError(await first.output.values(), await whole.output.slice(1, 0, 2).values())).toBeLessThan(
      precision,
    )
    expect(relativeError(await second.state.values(), await whole.state.values())).toBeLessThan(precision)
    const zeros = layer.forward(x, layer.beginState(batch))
    expect(await zeros.output.values()).toEqual(await layer.forward(x).output.values())
  })

  test.each(cells)('%s: sums of any size give finite states and gradients, and a NaN stays one', async (cell) => {
    const layer = layers[cell]({ inputSize: 1, hiddenSize: 1, bias: false })
    // All gates get the sum itself.
    initialize(layer, { weight: constant(1) })
    for (const sum of [-1000, -100, 0, 100, 1000]) {
      const x = fromData([sum, sum], [2, 1, 1]).requiresGrad_()
      const { output } = layer.forward(x)
      output.sum().backward()
      for (const value of [...(await output.values()), ...(await x.grad!.values())]) {
        expect(Number.isFinite(value), `${sum}`).toBe(true)
      }
    }
    const { output } = layer.forward(fromData([NaN], [1, 1, 1]))
    expect((await output.values())[0]).toBeNaN()
  })

  test.each(cells)('%s: a model runs token by token as it does over a sequence', async (cell) => {
    const generator = new Generator(5)
    for (const { embeddingSize, ...options } of [{ numLayers: 2 }, { bias: false, embeddingSize: 4 }] as const) {
      const layer = layers[cell]({ inputSize: embeddingSize ?? 7, hiddenSize, ...options, generator })
      await expectStepsLikeForward(new RNNModel(layer, 7, { embeddingSize, generator }), 4, generator)
    }
  })
})

describe('on one device', () => {
  beforeEach(() => setDefaultDevice(devices[0]))

  test.each(cells)('%s: a model learns a text that needs a memory', async (cell) => {
    const generator = new Generator(1)
    const model = new RNNModel(layers[cell]({ inputSize: 3, hiddenSize: 8, generator }), 3, { generator })
    // What follows token 0 depends on the token before it.
    const text = Int32Array.from({ length: 13 }, (_, i) => [1, 0, 1, 2, 0, 2][i % 6])
    const [inputs, labels] = [fromData(text.slice(0, 12), [1, 12]), fromData(text.slice(1), [12])]
    const optimizer = new Adam(model.parameters(), { lr: 0.05 })
    let loss = Infinity
    for (let step = 0; step < 200 && loss >= 0.2; step++) {
      optimizer.zeroGrad()
      const result = crossEntropy(model.forward(inputs).output, labels)
      result.backward()
      optimizer.step()
      loss = (await result.values())[0]
    }
    expect(loss).toBeLessThan(0.2)
  })

  test('dropout drops outputs between layers in training alone', async () => {
    const options = { inputSize, hiddenSize, numLayers: 2, dropout: 1, generator: new Generator(1) }
    const layer = new MinGRU(options)
    const [a, b] = [6, 7].map((seed) => randn([steps, 1, inputSize], new Generator(seed)))
    // With everything dropped, the second layer does not see the input.
    const outputs = (x: Tensor) => layer.forward(x).output.values()
    expect(await outputs(a)).toEqual(await outputs(b))
    layer.eval()
    expect(await outputs(a)).not.toEqual(await outputs(b))
  })

  test('options of hidden-to-hidden weights are refused', () => {
    const options = { inputSize, hiddenSize }
    expect(() => new MinGRU({ ...options, weightDropout: 0.1 } as MinimalOptions)).toThrow(OptionError)
    expect(() => new MinLSTM({ ...options, layerNorm: true } as MinimalOptions)).toThrow(
      'MinLSTM: there is no option layerNorm',
    )
  })
})

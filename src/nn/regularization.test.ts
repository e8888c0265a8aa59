import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { devices, precisionOf } from '../../test/kernel-sets.js'
import { errorBetween, readFixture, relativeError } from '../../test/read-fixture.js'
import { fillUniform } from '../core/counter-random.js'
import { OptionError, ShapeError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { setDefaultDevice } from '../kernels/devices.js'
import { wasmKernels } from '../kernels/index.js'
import { fromData, ones, randn, tensor, zeros } from '../tensor/create.js'
import { layerNorm, oneHot } from '../tensor/functions.js'
import { crossEntropy } from '../tensor/losses.js'
import type { Tensor } from '../tensor/tensor.js'
import { dropout, dropTokens } from './dropout.js'
import { Embedding } from './embedding.js'
import { GRU } from './gru.js'
import { constant, initialize } from './init.js'
import { LayerNorm } from './layer-norm.js'
import { LSTM } from './lstm.js'
import { RNNModel, type RNNModelOptions } from './model.js'
import type { RecurrentLayer, RecurrentOptions } from './recurrent.js'
import { RNN } from './rnn.js'

const V = 11
const randomTokens = (shape: number[], generator = new Generator(5)) =>
  fromData(
    Int32Array.from({ length: shape.reduce((a, b) => a * b) }, () => generator.integer(V)),
    shape,
  )

/** The outputs, states and gradients of a layer on a fixture's inputs, by the fixture's keys. */
function run(layer: RNN | GRU | LSTM, fixture: Record<string, Tensor>): Record<string, Tensor> {
  layer.loadStateDict(
    Object.fromEntries(layer.namedParameters().map(([parameter]) => [parameter, fixture[`param.${parameter}`]])),
  )
  const [x, h0, c0] = [fixture.input, fixture.h0, fixture.c0].map((leaf) => leaf?.requiresGrad_())
  const { output, state } = layer instanceof LSTM ? layer.forward(x, { h: h0, c: c0 }) : layer.forward(x, h0)
  const { h, c } = 'h' in state ? state : { h: state, c: undefined }
  const weighted = (x: Tensor, by: string) => x.mul(fixture[by]).sum()
  const loss = weighted(output, 'grad_output').add(weighted(h, 'grad_hn'))
  ;(c ? loss.add(weighted(c, 'grad_cn')) : loss).backward()
  const parameters = layer.namedParameters().map(([name, { grad }]) => [`grad.param.${name}`, grad!])
  const found = { output, hn: h, 'grad.input': x.grad!, 'grad.h0': h0.grad!, ...Object.fromEntries(parameters) }
  return c ? { ...found, cn: c, 'grad.c0': c0.grad! } : found
}

/** Each option by itself, and all together. */
const variants: [string, Partial<RecurrentOptions>, RNNModelOptions][] = [
  ['dropout', { dropout: 0.5 }, {}],
  ['variational dropout', { dropout: 0.5, dropoutKind: 'variational' }, {}],
  ['weightDropout', { weightDropout: 0.5 }, {}],
  ['inputDropout of tokens', {}, { inputDropout: 0.5 }],
  ['inputDropout of an embedding', {}, { inputDropout: 0.5, embeddingSize: 6 }],
  ['outputDropout', {}, { outputDropout: 0.5 }],
  [
    'all',
    { dropout: 0.2, dropoutKind: 'variational', weightDropout: 0.2 },
    { inputDropout: 0.2, outputDropout: 0.2, embeddingSize: 9, tieWeights: true },
  ],
]
/** Layer normalization without dropout, and with all kinds of dropout. */
const normalized: typeof variants = [
  ['layerNorm', { layerNorm: true }, {}],
  ['layerNorm without biases', { layerNorm: true, bias: false }, {}],
  ['layerNorm and all', { ...variants.at(-1)![1], layerNorm: true }, variants.at(-1)![2]],
]
const modelOf = (layer: Partial<RecurrentOptions>, options: RNNModelOptions, seed = 1) => {
  const generator = new Generator(seed)
  const inputSize = options.embeddingSize ?? V
  const lstm = new LSTM({ inputSize, hiddenSize: 9, numLayers: 2, ...layer, generator })
  return { generator, model: new RNNModel(lstm, V, { ...options, generator }) }
}

describe.each(devices)('on $name', (device) => {
  beforeAll(() => setDefaultDevice(device))
  afterAll(() => setDefaultDevice(wasmKernels()))

  describe('dropout masks', () => {
    test('independent: keeps values where the uniform number under one key is at least p, scaled to keep the mean', async () => {
      for (const p of [0, 0.3, 0.5, 1]) {
        const dropped = dropout(ones([10, 20, 50]), p, new Generator(1))
        const drawn = new Float64Array(10_000)
        fillUniform(new Generator(1).key(), drawn)
        const expected = Float32Array.from(drawn, (value) => (value < p ? 0 : 1 / (1 - p)))
        expect(await dropped.values()).toEqual(p === 1 ? new Float32Array(10_000) : expected)
      }
    })

    test('variational: one draw for each sequence and feature, the same at all time steps', async () => {
      const p = 0.3
      const x = randn([6, 20, 50], new Generator(2))
      const y = dropout(x, p, new Generator(1), 'variational')
      const mask = y.select(0, 0).div(x.select(0, 0))
      for (let t = 0; t < 6; t++)
        expect(await errorBetween(y.select(0, t), x.select(0, t).mul(mask))).toBeLessThan(1e-6)
      const kept = (await mask.values()).filter((value) => value > 0)
      expect(kept.length / 1000).toBeCloseTo(1 - p, 1)
      for (const value of kept) expect(value).toBeCloseTo(1 / (1 - p), 5)
    })
  })

  describe('dropout in layers', () => {
    const sizes = { inputSize: 5, hiddenSize: 8, numLayers: 2 }

    test('variational between two layers: the second sees the first’s outputs through one mask', async () => {
      const seed = () => new Generator(9)
      const make = (options: Partial<RecurrentOptions>) => new GRU({ ...sizes, ...options, generator: seed() })
      const both = make({ dropout: 0.4, dropoutKind: 'variational' })
      const single = (layer: number) => {
        const one = new GRU({ inputSize: layer === 0 ? 5 : 8, hiddenSize: 8 })
        const own = Object.entries(both.stateDict()).filter(([name]) => name.endsWith(`l${layer}`))
        one.loadStateDict(Object.fromEntries(own.map(([name, value]) => [name.replace(`l${layer}`, 'l0'), value])))
        return one
      }
      const x = randn([6, 3, 5], new Generator(1))
      // The layers' parameters have drawn these keys already.
      const source = seed()
      for (const _ of both.parameters()) source.key()
      const between = dropout(single(0).forward(x).output, 0.4, source, 'variational')
      const expected = single(1).forward(between).output
      expect(await errorBetween(both.forward(x).output, expected)).toBeLessThan(1e-6)
      expect((await between.values()).some((value) => value === 0)).toBe(true)
    })

    test.each([
      ['RNN', (options: RecurrentOptions) => new RNN(options) as RecurrentLayer],
      ['LSTM, two directions', (options: RecurrentOptions) => new LSTM({ ...options, bidirectional: true })],
    ])(
      '%s, weightDropout: outputs are those of the masked weights, and gradients go through the mask',
      async (_name, make) => {
        const p = 0.5
        const layer = make({ ...sizes, weightDropout: p, generator: new Generator(4) })
        const plain = make({ ...sizes })
        const values = layer.stateDict()
        const source = new Generator(4)
        for (const _ of layer.parameters()) source.key()
        const masks = new Map<string, Tensor>()
        for (const [name, value] of Object.entries(values)) {
          if (!name.startsWith('weight_hh')) continue
          masks.set(name, dropout(ones(value.shape), p, source))
          values[name] = value.mul(masks.get(name)!)
        }
        plain.loadStateDict(values)
        const x = randn([6, 3, 5], new Generator(1))
        const weights = randn([6, 3, 8 * layer.numDirections], new Generator(2))
        const [y, expected] = [layer, plain].map((one) => one.forward(x).output)
        expect(await errorBetween(y, expected)).toBeLessThan(1e-6)
        y.mul(weights).sum().backward()
        expected.mul(weights).sum().backward()
        const gradients = new Map(plain.namedParameters().map(([name, { grad }]) => [name, grad!]))
        for (const [name, { grad }] of layer.namedParameters()) {
          const mask = masks.get(name)
          const full = gradients.get(name)!
          expect(await errorBetween(grad!, mask ? full.mul(mask) : full), name).toBeLessThan(precisionOf(device))
        }
        expect(masks.size).toBe(2 * layer.numDirections)
      },
    )
  })

  describe.each([...variants, normalized.at(-1)!])('RNNModel with %s', (_name, layer, options) => {
    const x = randomTokens([3, 6])

    test('differs from call to call, but not under eval', async () => {
      const { model } = modelOf(layer, options)
      const run = () => model.forward(x).output.values()
      expect(relativeError(await run(), await run())).toBeGreaterThan(0.01)
      model.eval()
      expect(await run()).toEqual(await run())
    })

    test('is repeated when the state of the one generator is restored', async () => {
      const { model, generator } = modelOf(layer, options)
      const { state } = generator
      const first = await model.forward(x).output.values()
      generator.state = state
      expect(await model.forward(x).output.values()).toEqual(first)
    })

    test('after eval the model behaves as if it had none', async () => {
      const { model } = modelOf(layer, options)
      const { embeddingSize, tieWeights } = options
      const { layerNorm } = layer
      const { model: plain } = modelOf({ layerNorm }, { embeddingSize, tieWeights })
      plain.loadStateDict(model.stateDict())
      expect(await model.eval().forward(x).output.values()).toEqual(await plain.forward(x).output.values())
    })
  })

  describe('layer normalization', () => {
    const layer = { inputSize: V, hiddenSize: 6, layerNorm: true }

    test('gains begin as 1 and biases as 0, and initialize leaves the gains', async () => {
      const lstm = new LSTM(layer)
      const of = (start: string) => lstm.namedParameters().filter(([name]) => name.startsWith(start))
      expect(of('gain').map(([name]) => name)).toEqual(['gain_ih_l0', 'gain_hh_l0', 'gain_c_l0'])
      expect(of('bias').map(([name]) => name)).toEqual(['bias_ih_l0', 'bias_hh_l0', 'bias_c_l0'])
      for (const [, bias] of of('bias')) expect(new Set(await bias.values())).toEqual(new Set([0]))
      initialize(lstm, { weight: constant(2), bias: constant(3) })
      for (const [, gain] of of('gain')) expect(new Set(await gain.values())).toEqual(new Set([1]))
      for (const [, bias] of of('bias')) expect(new Set(await bias.values())).toEqual(new Set([3]))
      expect(new GRU({ ...layer, bias: false }).namedParameters().map(([name]) => name)).toEqual([
        'weight_ih_l0',
        'weight_hh_l0',
        'gain_ih_l0',
        'gain_hh_l0',
      ])
    })

    test('tokens stand for one-hot rows; a missing state is a state of zeros', async () => {
      for (const make of [() => new RNN(layer), () => new GRU(layer), () => new LSTM(layer)]) {
        const one: RecurrentLayer = make()
        const ids = randomTokens([4, 3])
        const { output } = one.forward(ids)
        expect(await errorBetween(one.forward(oneHot(ids, V), one.beginState(3)).output, output)).toBeLessThan(1e-6)
      }
    })

    test('scaling the weights does not change the output', async () => {
      const one = new GRU(layer)
      const x = randn([4, 3, V], new Generator(1))
      const before = one.forward(x).output
      for (const [name, parameter] of one.namedParameters()) {
        if (name.startsWith('weight')) parameter.copy_(parameter.mul(8))
      }
      // The outputs differ only because eps is added to the variance.
      expect(await errorBetween(one.forward(x).output, before)).toBeLessThan(1e-3)
    })

    test('the stepper keeps the weights it was made with, and selects rows', async () => {
      const model = new RNNModel(new LSTM({ ...layer, numLayers: 2 }), V)
      const [stepper, plain] = [model.stepper(3), model.stepper(3)]
      for (const parameter of model.parameters()) parameter.copy_(zeros(parameter.shape))
      const from = Int32Array.of(2, 0, 2)
      const [first, second] = [Int32Array.of(4, 5, 6), Int32Array.of(1, 2, 3)]
      await stepper.step(first)
      stepper.select(from)
      await plain.step(from.map((row) => first[row]))
      const scores = await plain.step(second)
      expect(relativeError(await stepper.step(second), scores)).toBeLessThan(1e-6)
      expect(scores.some((score) => score !== 0)).toBe(true)
    })
  })

  const sizes = { inputSize: 5, hiddenSize: 6, numLayers: 2, bidirectional: true, layerNorm: true }
  test.each([
    ['rnn_tanh', () => new RNN(sizes)],
    ['rnn_relu', () => new RNN({ ...sizes, nonlinearity: 'relu' })],
    ['gru', () => new GRU(sizes)],
    ['lstm', () => new LSTM(sizes)],
  ])('%s with normalized cells: outputs, states and all gradients are PyTorch’s', async (kind, make) => {
    const fixture = readFixture(`norm_${kind}`)
    const found = run(make(), fixture)
    expect(Object.keys(found).sort()).toEqual(
      Object.keys(fixture)
        .filter((key) => /^(grad\.|output|hn|cn)/.test(key))
        .sort(),
    )
    // The fixtures are from double precision. PyTorch in single precision is up to 1.3e-5 away from them.
    for (const [key, tensor] of Object.entries(found)) {
      expect(await errorBetween(tensor, fixture[key]), key).toBeLessThan(Math.max(precisionOf(device), 2e-5))
    }
  })

  test('LayerNorm is PyTorch’s', async () => {
    const { x, weight, bias, ...fixture } = readFixture('nn_layer_norm')
    const module = new LayerNorm({ numFeatures: 7 })
    module.loadStateDict({ weight, bias })
    const y = module.forward(x.requiresGrad_())
    y.mul(fixture.grad_output).sum().backward()
    expect(await errorBetween(y, fixture.output)).toBeLessThan(1e-6)
    const leaves = { x, weight: module.weight, bias: module.bias! }
    for (const [name, { grad }] of Object.entries(leaves)) {
      expect(await errorBetween(grad!, fixture[`grad.${name}`]), name).toBeLessThan(precisionOf(device))
    }
  })

  test.each([...variants, ...normalized])(
    'stepper of a model with %s: what forward gives under eval',
    async (_name, layer, options) => {
      const { model } = modelOf(layer, options)
      const x = randomTokens([3, 5])
      const stepper = model.stepper(3)
      const { output } = model.eval().forward(x)
      for (let t = 0; t < 5; t++) {
        const scores = await stepper.step(x.select(1, t).data as Int32Array)
        expect(relativeError(scores, await output.reshape(5, 3, V).select(0, t).values())).toBeLessThan(2e-6)
      }
      stepper.free()
    },
  )

  test('an embedding with tied weights: loss and gradients are PyTorch’s', async () => {
    const fixture = readFixture('nn_tied')
    const layer = new GRU({ inputSize: 6, hiddenSize: 6, numLayers: 2 })
    const model = new RNNModel(layer, V, { embeddingSize: 6, tieWeights: true })
    const named = model.namedParameters()
    expect(named.map(([name]) => `param.${name}`).sort()).toEqual(
      Object.keys(fixture)
        .filter((key) => key.startsWith('param.'))
        .sort(),
    )
    model.loadStateDict(Object.fromEntries(named.map(([name]) => [name, fixture[`param.${name}`]])))
    const loss = crossEntropy(model.forward(fixture['tokens.x']).output, fixture['tokens.y'].T.reshape(-1))
    loss.backward()
    expect(await errorBetween(loss, fixture.loss)).toBeLessThan(1e-6)
    for (const [name, { grad }] of named) {
      expect(await errorBetween(grad!, fixture[`grad.${name}`]), name).toBeLessThan(precisionOf(device))
    }
  })

  test('a one-hot embedding gives the same as no embedding', async () => {
    const rnn = new GRU({ inputSize: V, hiddenSize: 6 })
    const [plain, embedded] = [new RNNModel(rnn, V), new RNNModel(rnn, V, { embeddingSize: V })]
    const identity = Array.from({ length: V }, (_, i) => Array.from({ length: V }, (_, j) => Number(i === j)))
    embedded.loadStateDict({ ...plain.stateDict(), 'embedding.weight': tensor(identity) })
    const x = randomTokens([2, 4])
    expect(await errorBetween(embedded.forward(x).output, plain.forward(x).output)).toBeLessThan(1e-6)
  })
})

describe('what needs no numbers of a device', () => {
  test('a mask of any size draws one key of the generator', () => {
    const [a, b] = [new Generator(3), new Generator(3)]
    a.mask(new Float32Array(101), 0.5, 1)
    b.key()
    expect(a.state).toEqual(b.state)
  })

  test('dropped tokens are read as unknown', () => {
    const tokens = fromData(new Int32Array(10_000).fill(7), [100, 100])
    const { data } = dropTokens(tokens, 0.2, new Generator(1))
    expect([...new Set(data)].sort()).toEqual([0, 7])
    expect(data.filter((token) => token === 0).length / 10_000).toBeCloseTo(0.2, 1)
  })

  test('errors name wrong shapes', () => {
    const x = ones([2, 3])
    expect(() => layerNorm(x, ones([2]))).toThrow('layerNorm: weight has the shape [2], expected [3]')
    expect(() => layerNorm(x, ones([3]), ones([3, 1]))).toThrow('layerNorm: bias has the shape [3, 1], expected [3]')
    expect(() => layerNorm(ones([2, 0]), ones([0]))).toThrow('no values along its last axis')
    expect(() => new LayerNorm({ numFeatures: 0 })).toThrow(OptionError)
    expect(() => new LayerNorm({ numFeatures: 1, eps: -1 })).toThrow(OptionError)
  })
})

describe('an embedding in RNNModel', () => {
  const layer = (inputSize: number, hiddenSize = 6) => new GRU({ inputSize, hiddenSize })

  test('tied weights are one tensor, counted once', () => {
    const model = new RNNModel(layer(6), V, { embeddingSize: 6, tieWeights: true })
    expect(model.linear.weight).toBe(model.embedding!.weight)
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      'embedding.weight',
      'rnn.weight_ih_l0',
      'rnn.weight_hh_l0',
      'rnn.bias_ih_l0',
      'rnn.bias_hh_l0',
      'linear.bias',
    ])
    expect(new Set(model.parameters()).size).toBe(model.parameters().length)
  })

  test.each([
    ['a layer of another inputSize', () => new RNNModel(layer(5), V, { embeddingSize: 6 }), 'expected embeddingSize 6'],
    [
      'tied weights without an embedding',
      () => new RNNModel(layer(V), V, { tieWeights: true }),
      'tieWeights without embeddingSize, expected embeddingSize = 6',
    ],
    [
      'tied weights of other sizes',
      () => new RNNModel(layer(5), V, { embeddingSize: 5, tieWeights: true }),
      'tieWeights with embeddingSize = 5, expected',
    ],
    ['embeddingSize 0', () => new RNNModel(layer(V), V, { embeddingSize: 0 }), 'embeddingSize is 0'],
    ['inputDropout 2', () => new RNNModel(layer(V), V, { inputDropout: 2 }), 'inputDropout is 2'],
    ['outputDropout -1', () => new RNNModel(layer(V), V, { outputDropout: -1 }), 'outputDropout is -1'],
    ['weightDropout 2', () => new GRU({ inputSize: 1, hiddenSize: 1, weightDropout: 2 }), 'weightDropout is 2'],
    ['dropoutKind', () => new GRU({ inputSize: 1, hiddenSize: 1, dropoutKind: 'x' as 'variational' }), "'x'"],
  ])('wrong: %s', (_name, wrong, message) => {
    expect(wrong).toThrow(OptionError)
    expect(wrong).toThrow(message)
  })

  test('a shared weight of another shape is refused', () => {
    expect(() => new Embedding({ numEmbeddings: 3, embeddingDim: 2, weight: ones([2, 3]) })).toThrow(ShapeError)
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kernelSets } from '../../test/kernel-sets.js'
import { relativeError } from '../../test/read-fixture.js'
import { FormatError, OptionError, ShapeError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { useKernels, wasmKernels } from '../kernels/index.js'
import { fromData, rand, randn, tensor, zeros } from '../tensor/create.js'
import { oneHot } from '../tensor/functions.js'
import { Tensor } from '../tensor/tensor.js'
import { Dropout } from './dropout.js'
import { Embedding } from './embedding.js'
import { GRU } from './gru.js'
import { constant, initialize, normal } from './init.js'
import { Linear } from './linear.js'
import { LSTM } from './lstm.js'
import { RNNModel } from './model.js'
import { Module } from './module.js'
import { detachState, type LSTMState, type RecurrentState } from './recurrent-state.js'
import { RNN } from './rnn.js'

const sizes = { inputSize: 5, hiddenSize: 4 }
const tokens = (rows: number[][]) => tensor(rows, { dtype: 'int32' })

describe('recurrent layers', () => {
  test('shapes of the section', () => {
    const rnn = new RNN({ inputSize: 28, hiddenSize: 256 })
    const begin = rnn.beginState(32)
    expect(begin.shape).toEqual([1, 32, 256])
    const { output, state } = rnn.forward(rand([35, 32, 28]), begin)
    expect(output.shape).toEqual([35, 32, 256])
    expect(state.shape).toEqual([1, 32, 256])
  })

  test('two layers and two directions; an LSTM’s state is a pair', () => {
    const lstm = new LSTM({ ...sizes, numLayers: 2, bidirectional: true })
    const { output, state } = lstm.forward(randn([3, 2, 5]), lstm.beginState(2))
    expect(output.shape).toEqual([3, 2, 8])
    expect([state.h.shape, state.c.shape]).toEqual([
      [4, 2, 4],
      [4, 2, 4],
    ])
  })

  test('a missing state is a state of zeros', async () => {
    const gru = new GRU(sizes)
    const x = randn([3, 2, 5])
    expect(await gru.forward(x).output.toArray()).toEqual(await gru.forward(x, gru.beginState(2)).output.toArray())
  })

  test('the state carries over: two halves give the same as the whole', async () => {
    const lstm = new LSTM({ ...sizes, numLayers: 2 })
    const x = randn([6, 2, 5])
    const whole = lstm.forward(x)
    const half = lstm.forward(x.slice(0, 0, 3))
    const rest = lstm.forward(x.slice(0, 3), half.state)
    // A BLAS may sum a longer product in another order, with other rounding.
    expect(relativeError(rest.output.data, whole.output.slice(0, 3).data)).toBeLessThan(1e-6)
    expect(relativeError(rest.state.c.data, whole.state.c.data)).toBeLessThan(1e-6)
  })

  test('tokens stand for one-hot rows', async () => {
    const gru = new GRU(sizes)
    const ids = tokens([
      [0, 4],
      [2, 2],
      [1, 3],
    ])
    const [a, b] = [gru.forward(ids), gru.forward(oneHot(ids, 5))]
    expect(await a.output.sub(b.output).abs().max().item()).toBeLessThan(1e-6)
  })

  test('batchFirst swaps the first two axes', async () => {
    const rnn = new RNN({ ...sizes, batchFirst: true, generator: new Generator(1) })
    const same = new RNN({ ...sizes, generator: new Generator(1) })
    const x = randn([2, 3, 5])
    const { output, state } = rnn.forward(x)
    expect(output.shape).toEqual([2, 3, 4])
    const { output: expected, state: expectedState } = same.forward(x.transpose(0, 1))
    expect(await output.toArray()).toEqual(await expected.transpose(0, 1).toArray())
    expect(await state.toArray()).toEqual(await expectedState.toArray())
  })

  test('without biases there are no bias parameters', () => {
    const names = new LSTM({ ...sizes, bias: false }).namedParameters().map(([name]) => name)
    expect(names).toEqual(['weight_ih_l0', 'weight_hh_l0'])
  })

  test('names and shapes are PyTorch’s', () => {
    const gru = new GRU({ ...sizes, numLayers: 2, bidirectional: true })
    const shapes = Object.fromEntries(gru.namedParameters().map(([name, { shape }]) => [name, shape]))
    expect(shapes.weight_ih_l0).toEqual([12, 5])
    expect(shapes.weight_ih_l1_reverse).toEqual([12, 8])
    expect(shapes.bias_hh_l1).toEqual([12])
    expect(Object.keys(shapes).slice(0, 5)).toEqual([
      'weight_ih_l0',
      'weight_hh_l0',
      'bias_ih_l0',
      'bias_hh_l0',
      'weight_ih_l0_reverse',
    ])
  })

  test('initial values are uniform within ±1/√hiddenSize', () => {
    const { data } = new RNN({ inputSize: 50, hiddenSize: 100 }).parameters()[0]
    expect(Math.max(...data)).toBeLessThanOrEqual(0.1)
    expect(Math.max(...data)).toBeGreaterThan(0.095)
    expect(Math.min(...data)).toBeLessThan(-0.095)
  })

  test('dropout works between layers, in training only', async () => {
    const lstm = new LSTM({ ...sizes, numLayers: 2, dropout: 0.5 })
    const x = randn([3, 2, 5])
    const run = () => lstm.forward(x).output.toArray()
    expect(await run()).not.toEqual(await run())
    lstm.eval()
    expect(await run()).toEqual(await run())
  })

  test.each([
    [
      'features',
      ShapeError,
      () => new LSTM(sizes).forward(zeros([2, 3, 12])),
      'LSTM.forward: input has 12 features, expected inputSize = 5',
    ],
    ['rank', ShapeError, () => new RNN(sizes).forward(zeros([2, 5])), 'expected [numSteps, batch, inputSize]'],
    ['no steps', ShapeError, () => new RNN(sizes).forward(zeros([0, 2, 5])), 'at least one step'],
    [
      'a state of another batch',
      ShapeError,
      () => new GRU(sizes).forward(zeros([2, 3, 5]), zeros([1, 2, 4])),
      '[1, 2, 4]',
    ],
    [
      'an LSTM’s state for a GRU',
      ShapeError,
      () => new GRU(sizes).forward(zeros([2, 3, 5]), new LSTM(sizes).beginState(3) as never),
      'only an LSTM',
    ],
    [
      'a tensor for an LSTM',
      ShapeError,
      () => new LSTM(sizes).forward(zeros([2, 3, 5]), zeros([1, 3, 4]) as never),
      '{ h, c }',
    ],
    ['a token out of range', OptionError, () => new RNN(sizes).forward(tokens([[5]])), 'token 5'],
    ['a token below 0', OptionError, () => new RNN(sizes).forward(tokens([[-1]])), 'token -1'],
    ['hiddenSize 0', OptionError, () => new RNN({ inputSize: 1, hiddenSize: 0 }), 'hiddenSize is 0'],
    ['numLayers 1.5', OptionError, () => new GRU({ ...sizes, numLayers: 1.5 }), 'numLayers is 1.5'],
    ['dropout 2', OptionError, () => new GRU({ ...sizes, dropout: 2 }), 'dropout is 2'],
    ['nonlinearity', OptionError, () => new RNN({ ...sizes, nonlinearity: 'sin' as 'relu' }), "'sin'"],
    ['batchSize -1', OptionError, () => new RNN(sizes).beginState(-1), 'batchSize is -1'],
  ])('wrong: %s', (_name, error, wrong, message) => {
    expect(wrong).toThrow(error)
    expect(wrong).toThrow(message)
  })
})

describe('RNNModel', () => {
  test.each([
    ['RNN', new RNN({ inputSize: 6, hiddenSize: 4 })],
    ['GRU, two layers', new GRU({ inputSize: 6, hiddenSize: 4, numLayers: 2 })],
    ['LSTM, two directions', new LSTM({ inputSize: 6, hiddenSize: 4, bidirectional: true })],
  ])('%s: output [steps × batch, vocabulary], time as the slow axis', async (_name, layer) => {
    const model = new RNNModel<RecurrentState>(layer, 6)
    const ids = tokens([
      [1, 2, 3],
      [3, 2, 0],
    ])
    const { output, state } = model.forward(ids, model.beginState(2))
    expect(output.shape).toEqual([6, 6])
    model.forward(ids, state)
    if (layer.bidirectional) return
    // Row t · batch + b must equal the output of sequence b alone at step t.
    const alone = model.forward(tokens([[3, 2, 0]])).output
    const rows = output.reshape(3, 2, 6).select(1, 1)
    expect(await rows.sub(alone).abs().max().item()).toBeLessThan(1e-6)
  })

  test('the layer and its linear output give the same as one operation and as two', () => {
    const model = new RNNModel(new LSTM({ inputSize: 6, hiddenSize: 9, numLayers: 2 }), 6)
    const ids = tokens([
      [1, 2, 3],
      [3, 2, 0],
    ])
    const gradients = (output: Tensor, state: LSTMState) => {
      model.zeroGrad()
      output.mul(output).sum().add(state.c.sum()).backward()
      return model.parameters().map(({ grad }) => [...(grad?.data ?? [])])
    }
    const twice = () => {
      const { output, state } = model.rnn.forward(ids.T)
      return gradients(model.linear.forward(output.reshape(-1, 9)), state)
    }
    const once = () => {
      const { output, state } = model.forward(ids)
      return gradients(output, state)
    }
    for (const [i, values] of twice().entries()) {
      expect(relativeError(Float64Array.from(once()[i]), Float64Array.from(values))).toBeLessThan(1e-5)
    }
    model.zeroGrad()
    model.forward(ids).state.h.sum().backward()
    expect(model.linear.weight.grad).toBeNull()
  })

  test('if a layer or an output overrides forward, its forward is called', () => {
    class Silent extends RNN {
      override forward(input: Tensor, state?: Tensor) {
        const { output, state: next } = super.forward(input, state)
        return { output: output.mul(0), state: next }
      }
    }
    const model = new RNNModel(new Silent(sizes), 5)
    const { output } = model.forward(tokens([[1, 2]]))
    expect([...output.data.subarray(0, 5)]).toEqual([...model.linear.bias!.data])
    const spied = new RNNModel(new RNN(sizes), 5)
    spied.linear.forward = (x) => x.sum()
    expect(spied.forward(tokens([[1, 2]])).output.shape).toEqual([])
  })

  test('parameters have PyTorch’s names', () => {
    const names = new RNNModel(new RNN(sizes), 5).namedParameters().map(([name]) => name)
    expect(names.slice(0, 2)).toEqual(['rnn.weight_ih_l0', 'rnn.weight_hh_l0'])
    expect(names.slice(-2)).toEqual(['linear.weight', 'linear.bias'])
  })

  test('refuses layers and inputs that do not fit', () => {
    expect(() => new RNNModel(new RNN(sizes), 6)).toThrow(OptionError)
    expect(() => new RNNModel(new RNN({ ...sizes, batchFirst: true }), 5)).toThrow('batchFirst')
    expect(() => new RNNModel(new RNN(sizes), 5).forward(zeros([1, 1]))).toThrow(ShapeError)
  })
})

describe.each(kernelSets)('stepper under $name', (kernels) => {
  beforeAll(() => useKernels(kernels))
  afterAll(() => useKernels(wasmKernels()))

  test.each([
    ['RNN', new RNN({ inputSize: 11, hiddenSize: 9, nonlinearity: 'relu' })],
    ['GRU without biases', new GRU({ inputSize: 11, hiddenSize: 40, bias: false })],
    ['LSTM, two layers', new LSTM({ inputSize: 11, hiddenSize: 33, numLayers: 2 })],
  ])('%s: gives token by token what forward gives for the whole sequence', async (_name, layer) => {
    const model = new RNNModel<RecurrentState>(layer, 11)
    for (const batch of [1, 3, 8]) {
      const generator = new Generator(batch)
      const rows = Array.from({ length: batch }, () => Array.from({ length: 5 }, () => generator.integer(11)))
      const { output } = model.forward(tokens(rows))
      const stepper = model.stepper(batch)
      for (let t = 0; t < 5; t++) {
        const scores = await stepper.step(Int32Array.from(rows, (row) => row[t]))
        const expected = output.reshape(5, batch, 11).select(0, t)
        expect(
          await expected
            .sub(fromData(scores, [batch, 11]))
            .abs()
            .max()
            .item(),
        ).toBeLessThan(2e-6)
      }
      stepper.free()
    }
  })

  test.each([
    ['RNN', new RNN({ inputSize: 11, hiddenSize: 9 })],
    ['GRU', new GRU({ inputSize: 11, hiddenSize: 8, bias: false })],
    ['LSTM, two layers', new LSTM({ inputSize: 11, hiddenSize: 33, numLayers: 2 })],
  ])('%s: select continues a sequence from the state of another', async (_name, layer) => {
    const model = new RNNModel<RecurrentState>(layer, 11)
    for (const batch of [1, 3, 8, 21]) {
      const generator = new Generator(batch)
      const draw = () => Int32Array.from({ length: batch }, () => generator.integer(11))
      const [first, second, third, from] = [draw(), draw(), draw(), draw().map((row) => row % batch)]
      const [stepper, plain] = [model.stepper(batch), model.stepper(batch)]
      stepper.select(from)
      stepper.step(first)
      stepper.step(second)
      stepper.select(from)
      // The same sequences from the beginning, without select.
      plain.step(from.map((row) => first[row]))
      plain.step(from.map((row) => second[row]))
      const [found, expected] = [await stepper.step(third), await plain.step(third)]
      for (const [i, score] of found.entries()) expect(score).toBeCloseTo(expected[i], 5)
      stepper.free()
      plain.free()
    }
  })
})

describe('Module', () => {
  class Nested extends Module {
    readonly layers = [
      new Linear({ inFeatures: 2, outFeatures: 3 }),
      new Linear({ inFeatures: 3, outFeatures: 1, bias: false }),
    ]
    readonly scale = tensor([1], { requiresGrad: true })
    readonly fixed = tensor([1])
  }

  test('finds parameters in fields, children and arrays', () => {
    const names = new Nested().namedParameters().map(([name]) => name)
    expect(names).toEqual(['scale', 'layers.0.weight', 'layers.0.bias', 'layers.1.weight'])
  })

  test('stateDict is a copy, and loads back', async () => {
    const [a, b] = [new Nested(), new Nested()]
    const dict = a.stateDict()
    b.loadStateDict(dict)
    dict.scale.data[0] = 9
    expect(await b.scale.item()).toBe(1)
    expect(await b.layers[0].weight.toArray()).toEqual(await a.layers[0].weight.toArray())
  })

  test('loadStateDict names every fault and changes nothing', async () => {
    const module = new Nested()
    const before = await module.scale.toArray()
    const { 'layers.1.weight': _, ...dict } = module.stateDict()
    const wrong = { ...dict, scale: tensor([7]), 'layers.0.bias': zeros([4]), extra: zeros([1]) }
    expect(() => module.loadStateDict(wrong)).toThrow(FormatError)
    expect(() => module.loadStateDict(wrong)).toThrow(
      /layers\.1\.weight is missing; extra is unknown; layers\.0\.bias has the shape \[4\], expected \[3\]/,
    )
    expect(await module.scale.toArray()).toEqual(before)
  })

  test('train and eval reach every child', () => {
    const module = new Nested().eval()
    expect([module, ...module.layers].map(({ training }) => training)).toEqual([false, false, false])
    expect(module.train().layers[0].training).toBe(true)
  })

  test('zeroGrad sets all gradients to null', () => {
    const linear = new Linear({ inFeatures: 2, outFeatures: 1 })
    linear
      .forward(tensor([[1, 2]]))
      .sum()
      .backward()
    expect(linear.weight.grad).toBeInstanceOf(Tensor)
    linear.zeroGrad()
    expect(linear.parameters().every(({ grad }) => grad === null)).toBe(true)
  })
})

test('initialize gives the MXNet tab’s values', () => {
  const model = new RNNModel(new RNN({ inputSize: 28, hiddenSize: 256 }), 28)
  initialize(model, { weight: normal(0.01), bias: constant(0) })
  for (const [name, { data, rank }] of model.namedParameters()) {
    const deviation = Math.hypot(...data) / Math.sqrt(data.length)
    expect(deviation, name).toBeCloseTo(rank > 1 ? 0.01 : 0, 3)
  }
})

test('Linear: x Wᵀ + b', async () => {
  const linear = new Linear({ inFeatures: 2, outFeatures: 1 })
  linear.loadStateDict({ weight: tensor([[2, 3]]), bias: tensor([1]) })
  expect(
    await linear
      .forward(
        tensor([
          [1, 1],
          [0, 2],
        ]),
      )
      .toArray(),
  ).toEqual([[6], [7]])
  expect(() => linear.forward(tensor([[1, 2, 3]]))).toThrow('expected [n, inFeatures = 2]')
})

test('Embedding: one row for each token', async () => {
  const embedding = new Embedding({ numEmbeddings: 3, embeddingDim: 2 })
  const rows = (await embedding.weight.toArray()) as number[][]
  expect(await embedding.forward(tokens([[2, 0]])).toArray()).toEqual([[rows[2], rows[0]]])
  expect(() => embedding.forward(tokens([[3]]))).toThrow(ShapeError)
})

test('Dropout keeps the mean, and is off after eval', async () => {
  const layer = new Dropout({ p: 0.25, generator: new Generator(1) })
  const ones = zeros([100_000]).add(1)
  const dropped = layer.forward(ones)
  expect(await dropped.mean().item()).toBeCloseTo(1, 2)
  expect(dropped.data.filter((value) => value === 0).length / 100_000).toBeCloseTo(0.25, 2)
  expect(layer.eval().forward(ones)).toBe(ones)
  expect(() => new Dropout({ p: 1.5 })).toThrow(OptionError)
})

test('detachState detaches both kinds of state', () => {
  const lstm = new LSTM(sizes)
  const { state } = lstm.forward(zeros([1, 1, 5]))
  expect(state.h.requiresGrad).toBe(true)
  const cut = detachState(state)
  expect([cut.h.requiresGrad, cut.c.requiresGrad]).toEqual([false, false])
})

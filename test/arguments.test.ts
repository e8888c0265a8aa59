import { describe, expect, test } from 'vitest'
import * as U from '../src/index.js'
import { UnrolledError } from '../src/index.js'

// Plain JavaScript may pass anything by mistake: each call must then throw one sentence that names the function.
type Call = (wrong: never) => unknown

const matrix = U.tensor([
  [1, 2],
  [3, 4],
])
const tokens = U.tensor([[0, 1]], { dtype: 'int32' })
const sizes = { inputSize: 2, hiddenSize: 2 }
const layers = {
  RNN: new U.RNN(sizes),
  GRU: new U.GRU(sizes),
  LSTM: new U.LSTM(sizes),
}
const batchFirst = new U.LSTM({ ...sizes, batchFirst: true })
const normalized = new U.GRU({ ...sizes, layerNorm: true })
const bothWays = new U.GRU({ ...sizes, bidirectional: true })
const model = new U.RNNModel(new U.RNN(sizes), 2)
const linear = new U.Linear({ inFeatures: 2, outFeatures: 2 })
const embedding = new U.Embedding({ numEmbeddings: 2, embeddingDim: 2 })

/** Calls that take a tensor, by the function that the message names. */
const takingTensors: [where: string, call: Call][] = [
  ['add', (x) => matrix.add(x)],
  ['sub', (x) => matrix.sub(x)],
  ['mul', (x) => matrix.mul(x)],
  ['div', (x) => matrix.div(x)],
  ['matmul', (x) => matrix.matmul(x)],
  ['gatherRows', (x) => matrix.gatherRows(x)],
  ['pick', (x) => matrix.pick(x)],
  ['concatenate', (x) => U.concatenate(x)],
  ['concatenate', (x) => U.concatenate([matrix, x])],
  ['concatenate', (x) => U.concatenate([x])],
  ['stack', (x) => U.stack(x)],
  ['stack', (x) => U.stack([matrix, x])],
  ['stack', (x) => U.stack([x])],
  ['split', (x) => U.split(x, 1)],
  ['oneHot', (x) => U.oneHot(x, 2)],
  ['crossEntropy', (x) => U.crossEntropy(x, tokens.reshape(2))],
  ['crossEntropy', (x) => U.crossEntropy(matrix, x)],
  ['mseLoss', (x) => U.mseLoss(x, matrix)],
  ['mseLoss', (x) => U.mseLoss(matrix, x)],
  ['layerNorm', (x) => U.layerNorm(x, U.ones([2]))],
  ['layerNorm', (x) => U.layerNorm(matrix, x)],
  ['linear', (x) => U.linear(x, matrix)],
  ['linear', (x) => U.linear(matrix, x)],
  ['RNN.forward', (x) => layers.RNN.forward(x)],
  ['GRU.forward', (x) => layers.GRU.forward(x)],
  ['LSTM.forward', (x) => layers.LSTM.forward(x)],
  ['LSTM.forward', (x) => batchFirst.forward(x)],
  ['GRU.forward', (x) => normalized.forward(x)],
  ['GRU.forwardTo', (x) => layers.GRU.forwardTo(x, U.zeros([1, 1, 2]))],
  ['GRU.forwardTo', (x) => layers.GRU.forwardTo({ weight: x }, U.zeros([1, 1, 2]))],
  ['RNNModel.forward', (x) => model.forward(x)],
  ['Linear.forward', (x) => linear.forward(x)],
  ['Embedding.forward', (x) => embedding.forward(x)],
  ['Dropout.forward', (x) => new U.Dropout().forward(x)],
  ['Dropout.forward', (x) => new U.Dropout().eval().forward(x)],
  ['LayerNorm.forward', (x) => new U.LayerNorm({ numFeatures: 2 }).forward(x)],
  ['clipGradNorm', (x) => U.clipGradNorm([x], 1)],
  ['clipGradValue', (x) => U.clipGradValue([x], 1)],
  ['detachState', (x) => U.detachState(x)],
]

/** Calls that take a tensor or nothing at all. */
const takingTensorsOrNothing: [where: string, call: Call][] = [
  ['layerNorm', (x) => U.layerNorm(matrix, U.ones([2]), x)],
  ['linear', (x) => U.linear(matrix, matrix, x)],
  ['Embedding', (x) => new U.Embedding({ numEmbeddings: 2, embeddingDim: 2, weight: x })],
  ['RNN.forward', (x) => layers.RNN.forward(U.zeros([1, 1, 2]), x)],
  ['GRU.forward', (x) => layers.GRU.forward(U.zeros([1, 1, 2]), x)],
  ['LSTM.forward', (x) => layers.LSTM.forward(U.zeros([1, 1, 2]), x)],
  ['LSTM.forward', (x) => layers.LSTM.forward(U.zeros([1, 1, 2]), { h: x, c: x } as never)],
]

/** Calls that take a shape. */
const takingShapes: [where: string, call: Call][] = [
  ['zeros', (shape) => U.zeros(shape)],
  ['ones', (shape) => U.ones(shape)],
  ['full', (shape) => U.full(shape, 1)],
  ['rand', (shape) => U.rand(shape)],
  ['randn', (shape) => U.randn(shape)],
  ['fromData', (shape) => U.fromData(Float32Array.of(1, 2), shape)],
  ['Tensor', (shape) => new U.Tensor(Float32Array.of(1, 2), shape)],
]

const notTensors: [string, unknown][] = [
  ['an array', [[1, 2]]],
  ['an empty array', []],
  ['undefined', undefined],
  ['null', null],
  ['a text', 'x'],
  ['a BigInt', 3n],
  ['a boolean', true],
  ['an object', { data: [1], shape: [1] }],
  ['a typed array', Float32Array.of(1, 2)],
  ['a promise', Promise.resolve(matrix)],
  ['a function', () => matrix],
]

const thrownBy = (call: () => unknown): unknown => {
  try {
    call()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

function expectSentence(where: string, call: () => unknown): void {
  const error = thrownBy(call)
  expect(error).toBeInstanceOf(UnrolledError)
  expect((error as Error).message).toMatch(/^[\w.]+: .*(expected|cannot be broadcast)/)
  expect((error as Error).message.split(':')[0]).toBe(where)
  expect((error as Error).message).not.toContain('object Object')
}

describe.each(notTensors)('%s', (_name, wrong) => {
  test.each(takingTensors)('instead of a tensor: %s', (where, call) => {
    expectSentence(where, () => call(wrong as never))
  })

  if (wrong !== undefined) {
    test.each(takingTensorsOrNothing)('instead of a tensor or nothing: %s', (where, call) => {
      expectSentence(where, () => call(wrong as never))
    })
  }
})

test.each(takingTensors.filter(([where]) => !['add', 'sub', 'mul', 'div'].includes(where)))(
  'a number instead of a tensor: %s',
  (where, call) => expectSentence(where, () => call(3 as never)),
)

describe.each<[string, unknown]>([
  ['a number', 3],
  ['undefined', undefined],
  ['null', null],
  ['a text', '2'],
  ['an object', { length: 1 }],
  ['a typed array', Int32Array.of(2)],
  ['an array of texts', ['2']],
  ['an array with a hole', new Array(1)],
  ['a fraction', [1.5]],
  ['a length below 0', [-1]],
  ['NaN', [Number.NaN]],
  ['a nested array', [[2]]],
  ['more values than there can be', [2 ** 40]],
])('%s instead of a shape', (_name, wrong) => {
  test.each(takingShapes)('%s', (where, call) => {
    const error = thrownBy(() => call(wrong as never))
    expect(error).toBeInstanceOf(UnrolledError)
    expect((error as Error).message).toMatch(/expected|does not fit|cannot have the shape/)
    expect((error as Error).message.startsWith(`${where}: `)).toBe(true)
  })
})

test.each<[where: string, call: () => unknown]>([
  ['reshape', () => matrix.reshape([4] as never)],
  ['reshape', () => matrix.reshape('4' as never)],
  ['reshape', () => matrix.reshape(undefined as never)],
  ['reshape', () => matrix.reshape(1.5)],
  ['reshape', () => U.tensor([1, 2, 3]).reshape(2, -1)],
  ['reshape', () => matrix.reshape(3)],
  ['permute', () => matrix.permute([1, 0] as never)],
  ['permute', () => matrix.permute(null as never, 0)],
  ['transpose', () => matrix.transpose('a' as never)],
  ['transpose', () => U.tensor([1]).transpose()],
  ['slice', () => matrix.slice('0' as never, 0)],
  ['slice', () => matrix.slice(0, undefined as never)],
  ['slice', () => matrix.slice(0, 0, null as never)],
  ['slice', () => matrix.slice(0, [0] as never)],
  ['select', () => matrix.select(0, undefined as never)],
  ['select', () => matrix.select(null as never, 0)],
  ['sum', () => matrix.sum([0] as never)],
  ['sum', () => matrix.sum(null as never)],
  ['mean', () => matrix.mean('0' as never)],
  ['mean', () => tokens.mean()],
  ['square', () => tokens.square()],
  ['max', () => matrix.max(0.5)],
  ['argmax', () => matrix.argmax('1' as never)],
  ['split', () => U.split(matrix, undefined as never)],
  ['split', () => U.split(matrix, '1' as never)],
  ['split', () => U.split(matrix, [3, -1])],
  ['split', () => U.split(matrix, ['1', '1'] as never)],
  ['split', () => U.split(matrix, [1, 1], 'a' as never)],
  ['concatenate', () => U.concatenate([matrix], 'a' as never)],
  ['concatenate', () => U.concatenate([matrix, matrix], 2)],
  ['stack', () => U.stack([matrix, matrix], 'a' as never)],
  ['stack', () => U.stack([U.ones([1]), U.ones([2])])],
  ['stack', () => U.stack([tokens, tokens])],
  ['oneHot', () => U.oneHot(tokens, '2' as never)],
  ['layerNorm', () => U.layerNorm(matrix, U.ones([2]), undefined, 'a' as never)],
  ['linear', () => U.linear(matrix, U.ones([3]))],
  ['linear', () => U.linear(matrix, matrix, U.ones([1]))],
  ['full', () => U.full([1], undefined as never)],
  ['full', () => U.full([1], '1' as never)],
  ['rand', () => U.rand([1], 5 as never)],
  ['randn', () => U.randn([1], null as never)],
  ['arange', () => U.arange(undefined as never)],
  ['arange', () => U.arange(0, 3, 0)],
  ['arange', () => U.arange(Number.NaN)],
  ['arange', () => U.arange(0, Infinity)],
  ['arange', () => U.arange(0, 3, Number.NaN)],
  ['arange', () => U.arange('3' as never)],
  ['arange', () => U.arange(0, null as never)],
  ['clipGradNorm', () => U.clipGradNorm(model as never, 1)],
  ['clipGradNorm', () => U.clipGradNorm(model.namedParameters() as never, 1)],
  ['clipGradNorm', () => U.clipGradNorm(undefined as never, 1)],
  ['clipGradNorm', () => U.clipGradNorm('x' as never, 1)],
  ['clipGradNorm', () => U.clipGradNorm(matrix as never, 1)],
  ['clipGradNorm', () => U.clipGradNorm(Float32Array.of(1) as never, 1)],
  ['clipGradNorm', () => U.clipGradNorm([matrix], '1' as never)],
  ['clipGradValue', () => U.clipGradValue(model as never, 1)],
  ['clipGradValue', () => U.clipGradValue(null as never, 1)],
  ['noGrad', () => U.noGrad(undefined as never)],
  ['Embedding.forward', () => embedding.forward(U.tensor([2], { dtype: 'int32' }))],
  ['Embedding.forward', () => embedding.forward(matrix)],
  ['Dropout.forward', () => new U.Dropout().forward(tokens)],
  ['LayerNorm.forward', () => new U.LayerNorm({ numFeatures: 3 }).forward(matrix)],
  ['LayerNorm.forward', () => new U.LayerNorm({ numFeatures: 2 }).forward(tokens)],
  ['Linear.forward', () => linear.forward(tokens)],
  ['Linear.forward', () => linear.forward(U.ones([2, 3]))],
  ['GRU.forward', () => layers.GRU.forward(U.ones([1, 1, 2]), tokens)],
  ['GRU.forward', () => layers.GRU.forward(U.ones([1, 1, 2]), U.ones([1, 2, 2]))],
  ['GRU.forwardTo', () => layers.GRU.forwardTo({ weight: U.ones([5, 3]) }, U.zeros([1, 1, 2]))],
  ['GRU.forwardTo', () => layers.GRU.forwardTo({ weight: U.ones([5, 2]), bias: U.ones([4]) }, U.zeros([1, 1, 2]))],
  ['GRU.forwardTo', () => bothWays.forwardTo(linear, U.zeros([1, 1, 2]))],
  ['LSTM.forward', () => batchFirst.forward(U.ones([1]))],
  ['LSTM.forward', () => layers.LSTM.forward(U.ones([1]))],
])('%s is named when an argument is wrong', (where, call) => {
  const error = thrownBy(call)
  expect(error).toBeInstanceOf(UnrolledError)
  expect((error as Error).message.startsWith(`${where}: `)).toBe(true)
})

describe.each([model, new U.RNNModel(normalized, 2)])('a stepper', (model) => {
  test.each<[string, (stepper: U.Stepper) => unknown, string]>([
    ['an array of tokens', (stepper) => stepper.step([0, 1] as never), 'Stepper.step: tokens are an array'],
    [
      'other whole numbers',
      (stepper) => stepper.step(Uint8Array.of(0, 1) as never),
      'Stepper.step: tokens are a Uint8Array',
    ],
    [
      'too few',
      (stepper) => stepper.step(Int32Array.of(0)),
      'Stepper.step: tokens are 1 values, expected an Int32Array of batchSize = 2',
    ],
    [
      'a token beyond the vocabulary',
      (stepper) => stepper.step(Int32Array.of(0, 2)),
      'Stepper.step: tokens contain 2, expected whole numbers from 0 to 1',
    ],
    ['a token below 0', (stepper) => stepper.step(Int32Array.of(-1, 0)), 'Stepper.step: tokens contain -1'],
    ['no rows', (stepper) => stepper.select(undefined as never), 'Stepper.select: rows are undefined'],
    ['a row beyond the batch', (stepper) => stepper.select(Int32Array.of(2, 0)), 'Stepper.select: rows contain 2'],
  ])('refuses %s', (_name, call, message) => {
    const stepper = model.stepper(2)
    const error = thrownBy(() => call(stepper))
    stepper.free()
    expect(error).toBeInstanceOf(UnrolledError)
    expect((error as Error).message).toContain(message)
  })

  test('refuses to continue after it was freed', () => {
    const stepper = model.stepper()
    stepper.free()
    stepper.free()
    expect(() => stepper.step(Int32Array.of(0))).toThrow('Stepper.step: the stepper was freed')
  })
})

test('messages about tensors and arrays contain no name that minification changes', () => {
  class Short {}
  expect(thrownBy(() => U.tensor(new Short() as never))).toMatchObject({
    message: expect.not.stringContaining('Short'),
  })
  expect(Object.prototype.toString.call(matrix)).toBe('[object Tensor]')
})

test('arange counts up, down, and to nothing', async () => {
  expect(await U.arange(5, 0, -2).toArray()).toEqual([5, 3, 1])
  expect(await U.arange(2, 0).toArray()).toEqual([])
})

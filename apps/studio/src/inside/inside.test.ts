import {
  crossEntropy,
  fromData,
  Generator,
  GRU,
  LSTM,
  RNN,
  RNNModel,
  referenceKernels,
  useKernels,
  Vocab,
} from 'unrolled'
import { expect, test } from 'vitest'
import { gradientNorms } from './gradients'
import { singularValues } from './spectrum'
import { readText } from './states'

// Double precision, so that finite differences tell something.
useKernels(referenceKernels('float64'))

const vocab = Vocab.count('the whale swims')
const generator = new Generator(3)
const sizes = { hiddenSize: 6, numLayers: 2, generator }
const size = vocab.size
const models: [string, RNNModel][] = [
  ['RNN', new RNNModel(new RNN({ ...sizes, inputSize: size }), size, { generator })],
  ['RNN with relu', new RNNModel(new RNN({ ...sizes, inputSize: size, nonlinearity: 'relu' }), size, { generator })],
  ['GRU', new RNNModel(new GRU({ ...sizes, inputSize: size }), size, { generator })],
  ['LSTM', new RNNModel(new LSTM({ ...sizes, inputSize: size }), size, { generator })],
  ['LSTM without biases', new RNNModel(new LSTM({ ...sizes, inputSize: size, bias: false }), size, { generator })],
  ['GRU with an embedding', new RNNModel(new GRU({ ...sizes, inputSize: 3 }), size, { embeddingSize: 3, generator })],
]

const close = (found: ArrayLike<number>, expected: ArrayLike<number>) => {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < found.length; i++) expect(found[i]).toBeCloseTo(expected[i], 5)
}

test.each(models)('an %s looked into has the states and the probabilities that the model has', (_name, model) => {
  const reading = readText({ name: '', model, vocab, config: { training: {} } } as never, 'the whaleX swims')
  expect(reading.tokens.join('')).toBe('the whale swims')
  const tokens = fromData(vocab.encode(reading.tokens), [1, reading.tokens.length])
  const { output } = model.forward(tokens)
  const expected = output.softmax().data
  expect(reading.probabilities.length).toBe(expected.length)
  close(reading.probabilities, expected)
  const input = model.embedding ? model.embedding.forward(tokens.T) : tokens.T
  const states = model.rnn.forward(input).output.data
  close(reading.layers[1].h, states)
  expect(reading.order.map((rows) => rows.map(({ unit }) => unit).sort())).toEqual([
    [0, 1, 2, 3, 4, 5],
    [0, 1, 2, 3, 4, 5],
  ])
})

test('a unit that is high at one character alone reacts to it', () => {
  const rnn = new RNN({ inputSize: size, hiddenSize: 2, generator })
  for (const [, parameter] of rnn.namedParameters()) parameter.data.fill(0)
  rnn.weight_ih_l0.data[vocab.indexOf('w')] = 2
  rnn.weight_ih_l0.data[size + vocab.indexOf('i')] = -2
  const model = new RNNModel(rnn, size, { generator })
  const { order } = readText({ name: '', model, vocab, config: {} } as never, 'the whale swims')
  expect(Object.fromEntries(order[0].map(({ unit, reactsTo }) => [unit, reactsTo]))).toEqual({ 0: 'w', 1: 'i' })
})

test.each(models)('gradient norms back through an %s agree with finite differences', (_name, model) => {
  const tokens = vocab.encode('the whale')
  const norms = gradientNorms(model, tokens)
  expect(norms).toHaveLength(tokens.length - 1)
  // The loss as a function of the state before each step, all of whose numbers are moved in turn.
  let state = model.beginState(1)
  for (let t = 0; t < tokens.length - 1; t++) {
    const parts = 'h' in state ? [state.h, state.c] : [state]
    const lossFrom = () => {
      let now = state
      let output = model.forward(fromData(tokens.slice(t, t + 1), [1, 1]), now)
      for (let s = t + 1; s < tokens.length - 1; s++) {
        now = output.state
        output = model.forward(fromData(tokens.slice(s, s + 1), [1, 1]), now)
      }
      return crossEntropy(output.output, fromData(tokens.slice(-1), [1])).data[0]
    }
    let squares = 0
    for (const { data } of parts) {
      for (let i = 0; i < data.length; i++) {
        const [value, step] = [data[i], 1e-5]
        data[i] = value + step
        const above = lossFrom()
        data[i] = value - step
        const below = lossFrom()
        data[i] = value
        squares += ((above - below) / (2 * step)) ** 2
      }
    }
    expect(norms[tokens.length - 2 - t]).toBeCloseTo(Math.sqrt(squares), 6)
    state = model.forward(fromData(tokens.slice(t, t + 1), [1, 1]), state).state
  }
})

test('singular values are those that a matrix was made of', () => {
  // Products of rotations with a diagonal matrix have its values.
  const n = 5
  const made = [3, 1.5, 1, 0.25, 0]
  let matrix = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? made[i] : 0)))
  const rotated = (rows: number[][], p: number, q: number, angle: number) =>
    rows.map((row, i) => {
      if (i !== p && i !== q) return row
      const [c, s] = [Math.cos(angle), i === p ? -Math.sin(angle) : Math.sin(angle)]
      return row.map((_, j) => c * rows[i][j] + s * rows[i === p ? q : p][j])
    })
  const transposed = (rows: number[][]) => rows.map((_, i) => rows.map((row) => row[i]))
  for (let k = 0; k < 12; k++) matrix = transposed(rotated(matrix, k % n, (k + 1 + (k % 3)) % n, 0.3 + k))
  const found = singularValues(Float32Array.from(matrix.flat()), n)
  close(found, made)
})

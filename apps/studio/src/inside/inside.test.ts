import {
  crossEntropy,
  fromData,
  Generator,
  GRU,
  type LoadedModel,
  LSTM,
  RNN,
  RNNModel,
  referenceKernels,
  useKernels,
  Vocab,
} from 'unrolled'
import { expect, test } from 'vitest'
import { answers } from './answers'
import { followedText, gradientNorms } from './gradients'
import { singularValues } from './spectrum'
import { knownTokens, readTokens } from './states'

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
  [
    'GRU that resets before its product',
    new RNNModel(new GRU({ ...sizes, inputSize: size, resetAfter: false }), size, { generator }),
  ],
  ['LSTM', new RNNModel(new LSTM({ ...sizes, inputSize: size }), size, { generator })],
  ['LSTM without biases', new RNNModel(new LSTM({ ...sizes, inputSize: size, bias: false }), size, { generator })],
  ['GRU with an embedding', new RNNModel(new GRU({ ...sizes, inputSize: 3 }), size, { embeddingSize: 3, generator })],
]

const close = (found: ArrayLike<number>, expected: ArrayLike<number>) => {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < found.length; i++) expect(found[i]).toBeCloseTo(expected[i], 5)
}

const loadedOf = (model: RNNModel): LoadedModel => ({ model, vocab, config: {} as never })

test.each(models)('an %s looked into has the states and the probabilities that the model has', (_name, model) => {
  const loaded = loadedOf(model)
  const known = knownTokens(loaded, 'the whaleX swims')
  expect(known.join('')).toBe('the whale swims')
  const reading = readTokens(loaded, known)
  const tokens = fromData(vocab.encode(reading.tokens), [1, reading.tokens.length])
  const { output } = model.forward(tokens)
  const expected = output.softmax().data
  expect(reading.probabilities.length).toBe(expected.length)
  close(reading.probabilities, expected)
  const input = model.embedding ? model.embedding.forward(tokens.T) : tokens.T
  const states = model.rnn.forward(input).output.data
  close(reading.layers[1].h, states)
  // In PyTorch's words: the states are what the gates make of the states before.
  for (const { h, z, n, c, i, f, g, o } of reading.layers) {
    const H = model.rnn.hiddenSize
    const before = (signal: Float32Array, at: number) => (at < H ? 0 : signal[at - H])
    if (z)
      close(
        h,
        h.map((_, at) => (1 - z[at]) * n[at] + z[at] * before(h, at)),
      )
    if (c) {
      close(
        c,
        c.map((_, at) => f[at] * before(c, at) + i[at] * g[at]),
      )
      close(
        h,
        c.map((_, at) => o[at] * Math.tanh(c[at])),
      )
    }
  }
})

test('what is shown of a reading is what the model has: the signal of a layer by units, and the likeliest tokens', async () => {
  const [, model] = models.find(([name]) => name === 'LSTM')!
  const loaded = loadedOf(model)
  const { layers, probabilities } = readTokens(loaded, vocab.split('the whale swims'))
  const shown = await answers.text(loaded, { text: 'the whale swims', layer: 1, signal: 'f' }, async () => {})
  const { tokens, signals, signal, rows, values, expected } = shown
  expect(signals).toEqual(['h', 'c', 'i', 'f', 'g', 'o'])
  expect(signal).toBe('f')
  expect(rows.map(({ unit }) => unit).sort()).toEqual([0, 1, 2, 3, 4, 5])
  rows.forEach(({ unit }, row) => {
    const ofUnit = layers[1].f.filter((_, at) => at % 6 === unit)
    close(values.subarray(row * tokens.length, (row + 1) * tokens.length), ofUnit)
  })
  tokens.forEach((_, t) => {
    const sorted = Array.from(probabilities.subarray(t * size, (t + 1) * size)).sort((a, b) => b - a)
    close(
      expected[t].map(({ probability }) => probability),
      sorted.slice(0, 8),
    )
    for (const { token, probability } of expected[t]) {
      expect(probability).toBe(probabilities[t * size + vocab.indexOf(token)])
    }
  })
})

test('a unit that is high at one character alone reacts to it', async () => {
  const rnn = new RNN({ inputSize: size, hiddenSize: 2, generator })
  for (const [, parameter] of rnn.namedParameters()) parameter.data.fill(0)
  rnn.weight_ih_l0.data[vocab.indexOf('w')] = 2
  rnn.weight_ih_l0.data[size + vocab.indexOf('i')] = -2
  const model = new RNNModel(rnn, size, { generator })
  const question = { text: 'the whale swims', layer: 0, signal: 'h' }
  const { rows, tokens } = await answers.text(loadedOf(model), question, async () => {})
  expect(Object.fromEntries(rows.map(({ unit, step }) => [unit, tokens[step]]))).toEqual({ 0: 'w', 1: 'i' })
})

test.each(models)('gradient norms back through an %s agree with finite differences', (_name, model) => {
  const tokens = vocab.encode('the whale')
  const norms = gradientNorms(followedText(model, tokens))
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

test('singular values are those that a matrix was made of', async () => {
  // Products of rotations with a diagonal matrix have its values.
  const n = 6
  // Two are the same, and one is zero.
  const made = [3, 1.5, 1.5, 1, 0.25, 0]
  let matrix = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? made[i] : 0)))
  const rotated = (rows: number[][], p: number, q: number, angle: number) =>
    rows.map((row, i) => {
      if (i !== p && i !== q) return row
      const [c, s] = [Math.cos(angle), i === p ? -Math.sin(angle) : Math.sin(angle)]
      return row.map((_, j) => c * rows[i][j] + s * rows[i === p ? q : p][j])
    })
  const transposed = (rows: number[][]) => rows.map((_, i) => rows.map((row) => row[i]))
  for (let k = 0; k < 12; k++) matrix = transposed(rotated(matrix, k % n, (k + 1 + (k % 3)) % n, 0.3 + k))
  close(await singularValues(Float32Array.from(matrix.flat()), n), made)
  close(await singularValues(new Float32Array(9), 3), [0, 0, 0])
  close(await singularValues(Float32Array.of(0, 2, 0, 0, 0, 3, 1, 0, 0), 3), [3, 2, 1])
  close(await singularValues(Float32Array.of(-2), 1), [2])
})

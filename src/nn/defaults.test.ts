import { expect, test } from 'vitest'
import { Generator } from '../core/random.js'
import { tensor } from '../tensor/create.js'
import { Embedding } from './embedding.js'
import { constant, initialize } from './init.js'
import { LayerNorm } from './layer-norm.js'
import { Linear } from './linear.js'
import { RNNModel } from './model.js'
import { RNN } from './rnn.js'

test('LayerNorm adds 1e-5 to the variance, as PyTorch does', () => {
  // The variance is 1e-6, which is even smaller than 1e-5.
  const { data } = new LayerNorm({ numFeatures: 2 }).forward(tensor([[0.001, -0.001]]))
  const expected = 0.001 / Math.sqrt(1e-6 + 1e-5)
  expect(data[0]).toBeCloseTo(expected, 5)
  expect(data[1]).toBeCloseTo(-expected, 5)
})

test('an Embedding begins with the standard normal distribution', () => {
  const { data } = new Embedding({ numEmbeddings: 200, embeddingDim: 100, generator: new Generator(3) }).weight
  let mean = 0
  for (const value of data) mean += value / data.length
  // For 20,000 values, the mean is within 0.03 and the deviation within 0.02 except in one draw of ten thousand.
  expect(Math.abs(mean)).toBeLessThan(0.03)
  expect(Math.abs(Math.hypot(...data) / Math.sqrt(data.length) - 1)).toBeLessThan(0.02)
})

test('a Linear begins uniform within ±1/√inFeatures, bias included', () => {
  const linear = new Linear({ inFeatures: 16, outFeatures: 1000, generator: new Generator(4) })
  for (const { data } of linear.parameters()) {
    let largest = 0
    for (const value of data) largest = Math.max(largest, Math.abs(value))
    // The largest of 1000 uniform values is above 0.98 of the bound except in one draw of 500 million.
    expect(largest).toBeGreaterThan(0.98 / 4)
    expect(largest).toBeLessThanOrEqual(1 / 4)
  }
})

test.each(['independent', 'variational'] as const)(
  'the outputs of an RNNModel have a mask of the layer’s kind: %s',
  (dropoutKind) => {
    // biome-ignore format: one line
    const generator = new Generator(1)
    const rnn = new RNN({ inputSize: 20, hiddenSize: 20, nonlinearity: 'relu', dropoutKind, generator })
    const model = new RNNModel(rnn, 20, { outputDropout: 0.5, generator })
    initialize(model, { weight: constant(0), bias: constant(1) })
    // Each hidden value is relu(1 + 1) = 2, and with the identity as weight the output shows which values were dropped.
    for (let i = 0; i < 20; i++) model.linear.weight.data[21 * i] = 1
    const { data } = model.forward(tensor([[1, 2, 3, 4]], { dtype: 'int32' })).output
    expect(new Set(data)).toEqual(new Set([1, 5]))
    const steps = Array.from({ length: 4 }, (_, step) => String(data.slice(20 * step, 20 * (step + 1))))
    expect(new Set(steps).size).toBe(dropoutKind === 'variational' ? 1 : 4)
  },
)

import { expect, test } from 'vitest'
import { Generator } from '../core/random.js'
import { GRU } from './gru.js'
import { LSTM } from './lstm.js'
import { RNNModel } from './model.js'
import { modelShapes, recurrentShapes } from './shapes.js'

test('the list of an LSTM is that of torch.nn.LSTM(5, 3, num_layers=2, bidirectional=True).named_parameters()', () => {
  const sizes = { inputSize: 5, hiddenSize: 3, numLayers: 2, bias: true, bidirectional: true }
  const expected = ['l0', 'l0_reverse', 'l1', 'l1_reverse'].flatMap((suffix) => [
    [`weight_ih_${suffix}`, [12, suffix.startsWith('l0') ? 5 : 6]],
    [`weight_hh_${suffix}`, [12, 3]],
    [`bias_ih_${suffix}`, [12]],
    [`bias_hh_${suffix}`, [12]],
  ])
  expect([...recurrentShapes({ kind: 'lstm', ...sizes })]).toEqual(expected)
  expect(new LSTM(sizes).namedParameters().map(([name, { shape }]) => [name, shape])).toEqual(expected)
})

test.each([
  ['one-hot tokens', {}],
  ['an embedding', { embeddingSize: 4 }],
  ['an embedding that is the output’s weight, too', { embeddingSize: 6, tieWeights: true }],
  ['one direction without biases', { bidirectional: false, bias: false, numLayers: 3 }],
  ['layer normalization', { layerNorm: true }],
])('a model of %s has the parameters in its list, in the same order', (_what, more) => {
  const sizes = { vocabSize: 7, hiddenSize: 3, numLayers: 2, bias: true, bidirectional: true, ...more }
  const { vocabSize, embeddingSize, tieWeights, ...layer } = { embeddingSize: undefined, tieWeights: false, ...sizes }
  for (const [kind, Layer] of [['gru', GRU] as const, ['lstm', LSTM] as const]) {
    const generator = new Generator(1)
    const rnn = new Layer({ ...layer, inputSize: embeddingSize ?? vocabSize, generator }) as GRU
    const model = new RNNModel(rnn, vocabSize, { embeddingSize, tieWeights, generator })
    const parameters = model.namedParameters().map(([name, { shape }]) => [name, shape])
    expect([...modelShapes({ kind, ...sizes })]).toEqual(parameters)
  }
})

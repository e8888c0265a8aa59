import { expect, test } from 'vitest'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { configOf, modelOf } from '../formats/model-of.js'
import { fromData } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'
import { extendVocab } from './extend-vocab.js'

const vocab = Vocab.count('abcabd')
const sizes = { vocabSize: vocab.size, hiddenSize: 4, numLayers: 2, bias: true, bidirectional: false, dropout: 0 }

test.each([
  ['one-hot tokens', {}],
  ['an embedding', { embeddingSize: 3 }],
  ['tied weights', { embeddingSize: 4, tieWeights: true }],
  ['layer normalization', { layerNorm: true }],
  ['all of it', { embeddingSize: 4, tieWeights: true, layerNorm: true, weightDropout: 0.1, inputDropout: 0.1 }],
])('a model with %s and new tokens scores the old ones as before', (_name, more) => {
  const model = modelOf({ cell: 'lstm', ...sizes, ...more }, new Generator(1)).eval()
  const { model: grown, vocab: extended } = extendVocab(model, vocab, ['x', 'y'], new Generator(2))
  grown.eval()
  expect(extended.tokens).toEqual([...vocab.tokens, 'x', 'y'])
  expect(grown.vocabSize).toBe(vocab.size + 2)
  expect(grown.tieWeights).toBe(model.tieWeights)
  const tokens = fromData(Int32Array.of(1, 2, 3, 4, 0, 1), [2, 3])
  const [before, after] = [model, grown].map((one): Tensor => one.forward(tokens).output)
  const difference = after.slice(1, 0, vocab.size).sub(before).abs().max()
  // A BLAS may sum products of other sizes in another order, with other rounding.
  expect(difference.data[0]).toBeLessThan(1e-5)
  // The new tokens have inputs of their own.
  const first = (token: number) => grown.forward(fromData(Int32Array.of(token), [1, 1])).output.data
  expect(first(vocab.size)).not.toEqual(first(vocab.size + 1))
})

test('the model with new tokens keeps the old one’s configuration', () => {
  const drops = {
    dropout: 0.1,
    dropoutKind: 'variational',
    weightDropout: 0.2,
    inputDropout: 0.3,
    outputDropout: 0.4,
  } as const
  const model = modelOf({ cell: 'rnn', nonlinearity: 'relu', ...sizes, ...drops, bias: false }, new Generator(1))
  const { model: grown } = extendVocab(model, vocab, ['x'], new Generator(2))
  expect(configOf(grown)).toEqual({ ...configOf(model), vocabSize: vocab.size + 1 })
  expect(configOf(model)).toMatchObject(drops)
})

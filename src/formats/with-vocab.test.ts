import { expect, test } from 'vitest'
import { DataError, FormatError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { fromData } from '../tensor/create.js'
import { configOf, modelOf } from './model-of.js'
import { parseTokenList } from './token-list.js'
import { withVocab } from './with-vocab.js'

const sizes = { vocabSize: 4, hiddenSize: 5, numLayers: 2, bias: true, dropout: 0 }
const variants = [
  { cell: 'lstm', bidirectional: true },
  { cell: 'gru', bidirectional: false, embeddingSize: 3 },
  { cell: 'rnn', bidirectional: false, embeddingSize: 5, tieWeights: true },
] as const

test.each(variants)('tokens without <unk> keep their scores in a $cell, and <unk> is never likely', (variant) => {
  const model = modelOf({ ...sizes, ...variant }, new Generator(1))
  const foreign = { config: configOf(model), parameters: model.stateDict(), found: [] }
  const joined = withVocab(foreign, { tokens: ['a', 'b', 'c', 'd'] })
  expect(joined.vocab.tokens).toEqual(['<unk>', 'a', 'b', 'c', 'd'])
  const tokens = Int32Array.of(3, 0, 2, 1)
  const before = model.forward(fromData(tokens, [1, 4])).output
  const after = joined.model.forward(
    fromData(
      tokens.map((token) => token + 1),
      [1, 4],
    ),
  ).output
  for (let t = 0; t < 4; t++) {
    for (let token = 0; token < 4; token++) {
      expect(after.data[t * 5 + token + 1]).toBeCloseTo(before.data[t * 4 + token], 6)
    }
    expect(after.softmax().data[t * 5]).toBe(0)
  }
})

test('a vocabulary of another size, with a token twice, or with <unk> elsewhere is refused', () => {
  const model = modelOf({ ...sizes, ...variants[1] }, new Generator(1))
  const foreign = { config: configOf(model), parameters: model.stateDict(), found: [] }
  expect(() => withVocab(foreign, { tokens: ['a', 'b'] }, 'x.pt')).toThrow(
    'x.pt: the vocabulary has 2 tokens, expected 4',
  )
  expect(() => withVocab(foreign, { tokens: ['a', 'b', 'a', 'd'] })).toThrow(DataError)
  expect(() => withVocab(foreign, { tokens: ['a', '<unk>', 'c', 'd'] })).toThrow('<unk> is token 1, expected token 0')
})

test('a list of tokens is an array, an object of numbers, or the file of a saved model', () => {
  expect(parseTokenList('["<unk>", "b", "a"]', 'x').tokens).toEqual(['<unk>', 'b', 'a'])
  expect(parseTokenList('{"b": 1, "<unk>": 0, "10": 2}', 'x').tokens).toEqual(['<unk>', 'b', '10'])
  expect(parseTokenList('{"kind": "word", "tokens": ["<unk>"]}', 'x')).toEqual({ kind: 'word', tokens: ['<unk>'] })
  expect(parseTokenList('{"kind": 1, "tokens": 0}', 'x').tokens).toEqual(['tokens', 'kind'])
  for (const wrong of ['', '3', 'null', '["a", 1]', '{"a": 1}', '{"a": 0, "b": 0}', '{"a": "b"}', '{"a": 0.5}']) {
    expect(() => parseTokenList(wrong, 'x.json'), wrong).toThrow(FormatError)
    expect(() => parseTokenList(wrong, 'x.json'), wrong).toThrow(/^x\.json: .*, expected a JSON array of tokens/)
  }
})

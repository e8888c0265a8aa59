import { describe, expect, test } from 'vitest'
import { DataError, FormatError } from '../core/errors.js'
import { defaultGenerator, Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { fromData } from '../tensor/create.js'
import { checkSavable, type ModelConfig, parseConfig } from './model-config.js'
import { buildModel, configOf, modelOf } from './model-of.js'

const base: ModelConfig = {
  ...({ format: 'unrolled', version: 1 } as const),
  ...{ cell: 'lstm', vocabSize: 7, hiddenSize: 4, numLayers: 2, bias: true, bidirectional: false, dropout: 0 },
}
const reread = (config: ModelConfig) => parseConfig(JSON.stringify(config), 'config.json')

const variants: [string, Partial<ModelConfig>][] = [
  ['variational dropout', { dropout: 0.1, dropoutKind: 'variational' }],
  ['all kinds of dropout', { weightDropout: 0.2, inputDropout: 0.3, outputDropout: 0.4 }],
  ['an embedding', { embeddingSize: 3 }],
  ['tied weights', { embeddingSize: 4, tieWeights: true }],
  ['tied weights in two directions', { embeddingSize: 8, tieWeights: true, bidirectional: true }],
  ['an RNN with layer normalization', { cell: 'rnn', layerNorm: true }],
  ['a GRU with layer normalization, without biases', { cell: 'gru', layerNorm: true, bias: false }],
  ['an LSTM with layer normalization in two directions', { layerNorm: true, bidirectional: true }],
  ['an LSTM with layer normalization without biases', { layerNorm: true, bias: false }],
  ['an LSTM with a projection', { projSize: 3 }],
  ['an LSTM with peepholes in two directions', { peepholes: true, bidirectional: true }],
  ['an LSTM with both, tied', { projSize: 3, peepholes: true, embeddingSize: 3, tieWeights: true }],
  ['all together', { dropoutKind: 'variational', embeddingSize: 4, tieWeights: true, layerNorm: true }],
]
const tokens = fromData(Int32Array.of(1, 2, 3, 6, 5, 0), [2, 3])

test.each(variants)('a model with %s survives saving and loading', (_name, more) => {
  const model = modelOf({ ...base, ...more }, new Generator(1))
  const config = reread(configOf(model))
  expect(config).toMatchObject(more)
  const loaded = buildModel(config, model.stateDict(), 'model')
  expect(loaded.stateDict()).toEqual(model.stateDict())
  expect(loaded.linear.weight === loaded.embedding?.weight).toBe(more.tieWeights ?? false)
  expect(configOf(loaded)).toEqual(configOf(model))
  expect(loaded.eval().forward(tokens).output.data).toEqual(model.eval().forward(tokens).output.data)
})

test('a parameter of whole numbers is neither saved nor loaded', () => {
  const model = modelOf(base, new Generator(1))
  const dict = { ...model.stateDict(), 'linear.bias': fromData(new Int32Array(7), [7]) }
  const vocab = Vocab.count('abcdef')
  expect(() => checkSavable('saveCheckpoint', configOf(model), vocab, model.stateDict())).not.toThrow()
  expect(() => checkSavable('saveCheckpoint', configOf(model), vocab, dict)).toThrow(DataError)
  expect(() => buildModel(configOf(model), dict, 'model')).toThrow('model: linear.bias holds whole numbers')
})

test('loading draws nothing from the shared default generator', () => {
  const model = modelOf(base, new Generator(1))
  const { state } = defaultGenerator()
  buildModel(configOf(model), model.stateDict(), 'model')
  expect(defaultGenerator().state).toEqual(state)
})

test('an older configuration without these options gives a model without them', () => {
  const model = modelOf(reread(base), new Generator(1))
  const { dropoutKind, weightDropout, layerNorm } = model.rnn
  expect({ dropoutKind, weightDropout, layerNorm }).toEqual({
    dropoutKind: 'independent',
    weightDropout: 0,
    layerNorm: false,
  })
  expect(model.embedding).toBeUndefined()
})

describe('forged', () => {
  test.each([
    ['another version', { version: 2 }, 'version'],
    ['tied weights without an embedding', { tieWeights: true }, 'tieWeights'],
    ['tied weights of another size', { tieWeights: true, embeddingSize: 3 }, 'tieWeights'],
    ['an embedding of nothing', { embeddingSize: 0 }, 'embeddingSize'],
    ['a rate above 1', { weightDropout: 1.5 }, 'weightDropout'],
    ['a rate that is a text', { inputDropout: '0' }, 'inputDropout'],
    ['an unknown kind of dropout', { dropoutKind: 'other' }, 'dropoutKind'],
    ['a projection of a GRU', { cell: 'gru', projSize: 2 }, 'projSize'],
    ['peepholes of a GRU', { cell: 'gru', peepholes: true }, 'peepholes'],
    ['peepholes with normalization', { layerNorm: true, peepholes: true }, 'peepholes'],
    ['a projection as wide as h', { projSize: 4 }, 'projSize'],
    ['weights tied to more than the projection', { projSize: 3, embeddingSize: 4, tieWeights: true }, 'tieWeights'],
    ['layerNorm that is a number', { layerNorm: 1 }, 'layerNorm'],
  ])('%s is refused', (_name, more, message) => {
    expect(() => reread({ ...base, ...more } as ModelConfig)).toThrow(FormatError)
    expect(() => reread({ ...base, ...more } as ModelConfig)).toThrow(message)
  })

  test.each(variants)(
    'a model with %s: any parameter that is missing, too many, or of a forged size',
    (_name, more) => {
      const model = modelOf({ ...base, ...more }, new Generator(1))
      const dict = model.stateDict()
      for (const name of Object.keys(dict)) {
        const { [name]: _, ...rest } = dict
        expect(() => buildModel(configOf(model), rest, 'model')).toThrow(`${name} is missing`)
      }
      const more1 = { ...dict, 'rnn.gain_x_l0': dict['linear.bias'] }
      expect(() => buildModel(configOf(model), more1, 'model')).toThrow('rnn.gain_x_l0 is unknown')
      const huge = { ...configOf(model), vocabSize: 2 ** 50, hiddenSize: 2 ** 40, embeddingSize: 2 ** 40 }
      expect(() => buildModel(huge, dict, 'model')).toThrow(FormatError)
    },
  )
})

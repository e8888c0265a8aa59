import { expect, test } from 'vitest'
import { Generator } from '../core/random.js'
import { GRU, LSTM, MinGRU, MinLSTM, type RecurrentLayer, RNN, randn } from '../index.js'
import { layerConfigOf } from './layer-config.js'
import { layerOf } from './model-of.js'

const sizes = { inputSize: 3, hiddenSize: 5, numLayers: 2, bidirectional: true }

test.each<[string, (generator: Generator) => RecurrentLayer]>([
  ['RNN', (generator) => new RNN({ ...sizes, nonlinearity: 'relu', layerNorm: true, generator })],
  ['GRU', (generator) => new GRU({ ...sizes, bias: false, generator })],
  ['GRU that resets before', (generator) => new GRU({ ...sizes, resetAfter: false, generator })],
  ['LSTM', (generator) => new LSTM({ ...sizes, dropout: 0.5, generator }) as unknown as RecurrentLayer],
  [
    'LSTM with a projection and peepholes',
    (generator) => new LSTM({ ...sizes, projSize: 2, peepholes: true, generator }) as unknown as RecurrentLayer,
  ],
  ['MinGRU', (generator) => new MinGRU({ ...sizes, generator })],
  ['MinLSTM', (generator) => new MinLSTM({ ...sizes, generator })],
])('a layer of the configuration of an %s computes the same', async (_name, make) => {
  const layer = make(new Generator(1)).eval()
  const config = JSON.parse(JSON.stringify(layerConfigOf(layer)))
  const again = layerOf({ ...config, inputSize: 3, generator: new Generator(2) }).eval()
  again.loadStateDict(layer.stateDict())
  const x = randn([4, 2, 3], new Generator(3))
  expect(await again.forward(x).output.values()).toEqual(await layer.forward(x).output.values())
  expect(layerConfigOf(again)).toEqual(layerConfigOf(layer))
})

import { beforeEach, describe, expect, test } from 'vitest'
import { setDefaultDevice } from '../src/kernels/devices.js'
import { GRU } from '../src/nn/gru.js'
import { LSTM, type LSTMOptions } from '../src/nn/lstm.js'
import type { RecurrentOptions } from '../src/nn/recurrent.js'
import { RNN } from '../src/nn/rnn.js'
import type { Tensor } from '../src/tensor/tensor.js'
import { devices, precisionOf } from './kernel-sets.js'
import { fixturesOf, readFixture, relativeError } from './read-fixture.js'

// Layers are compared with PyTorch's values, which make_fixtures.py, make_lengths_fixtures.py and
// make_lstm_fixtures.py in test/fixtures made.
const layers: Record<string, (options: RecurrentOptions) => RNN | GRU | LSTM> = {
  rnn_tanh: (options) => new RNN(options),
  rnn_relu: (options) => new RNN({ ...options, nonlinearity: 'relu' }),
  gru: (options) => new GRU(options),
  lstm: (options: LSTMOptions) => new LSTM(options),
}

describe.each(devices)('$name', (device) => {
  beforeEach(() => setDefaultDevice(device))

  test.each([...fixturesOf('layer'), ...fixturesOf('lengths')])(
    '$name: outputs, states and all gradients are PyTorch’s',
    async ({ name, kind, sizes }) => {
      const fixture = readFixture(name)
      const { i: inputSize, h: hiddenSize, l: numLayers, d, p: projSize, k } = sizes
      const special = { ...(projSize && { projSize }), ...(k && { peepholes: true }) }
      const layer = layers[kind]({ inputSize, hiddenSize, numLayers, bidirectional: d === 2, ...special })
      expect(layer.namedParameters().length).toBe(Object.keys(fixture).filter((key) => /^param/.test(key)).length)
      layer.loadStateDict(
        Object.fromEntries(layer.namedParameters().map(([parameter]) => [parameter, fixture[`param.${parameter}`]])),
      )
      const input = fixture.input.requiresGrad_()
      const h0 = fixture.h0.requiresGrad_()
      const c0 = fixture.c0?.requiresGrad_()
      const options = { lengths: fixture.lengths }
      const { output, state } =
        layer instanceof LSTM ? layer.forward(input, { h: h0, c: c0 }, options) : layer.forward(input, h0, options)
      const { h, c } = 'h' in state ? state : { h: state, c: undefined }
      const weighted = (x: Tensor, by: string) => x.mul(fixture[by]).sum()
      const loss = weighted(output, 'grad_output').add(weighted(h, 'grad_hn'))
      ;(c ? loss.add(weighted(c, 'grad_cn')) : loss).backward()

      const actual: Record<string, Tensor> = { output, hn: h, 'grad.input': input.grad!, 'grad.h0': h0.grad! }
      if (c) Object.assign(actual, { cn: c, 'grad.c0': c0.grad! })
      for (const [parameter, tensor] of layer.namedParameters()) actual[`grad.param.${parameter}`] = tensor.grad!
      const errors: [string, number][] = []
      for (const [key, tensor] of Object.entries(actual)) {
        errors.push([key, relativeError(await tensor.values(), await fixture[key].values())])
      }
      expect(Object.keys(actual).length).toBe(
        Object.keys(fixture).filter((key) => /^(grad\.|output|hn|cn)/.test(key)).length,
      )
      expect(errors.filter(([, error]) => !(error <= precisionOf(device)))).toEqual([])
    },
  )
})

import { beforeEach, describe, expect, test } from 'vitest'
import { useKernels } from '../src/kernels/index.js'
import { GRU } from '../src/nn/gru.js'
import { LSTM } from '../src/nn/lstm.js'
import { RNN } from '../src/nn/rnn.js'
import type { Tensor } from '../src/tensor/tensor.js'
import { kernelSets } from './kernel-sets.js'
import { readFixture, relativeError } from './read-fixture.js'

// PyTorch's values: test/fixtures/make_fixtures.py made them.
const layers = {
  rnn_tanh: (options: { inputSize: number; hiddenSize: number }) => new RNN(options),
  rnn_relu: (options: { inputSize: number; hiddenSize: number }) => new RNN({ ...options, nonlinearity: 'relu' }),
  gru: (options: { inputSize: number; hiddenSize: number }) => new GRU(options),
  lstm: (options: { inputSize: number; hiddenSize: number }) => new LSTM(options),
}
const sizes = [
  { name: 'i5_h8_b3_t4_l1_d1', inputSize: 5, hiddenSize: 8, numLayers: 1, bidirectional: false },
  { name: 'i6_h7_b2_t5_l2_d2', inputSize: 6, hiddenSize: 7, numLayers: 2, bidirectional: true },
]
const cases = Object.entries(layers).flatMap(([kind, make]) => sizes.map((size) => ({ kind, make, ...size })))

describe.each(kernelSets)('$name', (kernels) => {
  beforeEach(() => useKernels(kernels))

  test.each(cases)(
    '$kind $name: outputs, states and all gradients are PyTorch’s',
    ({ kind, make, name, ...options }) => {
      const fixture = readFixture(`layer_${kind}_${name}`)
      const layer = make(options)
      layer.loadStateDict(
        Object.fromEntries(layer.namedParameters().map(([parameter]) => [parameter, fixture[`param.${parameter}`]])),
      )
      const input = fixture.input.requiresGrad_()
      const h0 = fixture.h0.requiresGrad_()
      const c0 = fixture.c0?.requiresGrad_()
      const { output, state } =
        layer instanceof LSTM ? layer.forward(input, { h: h0, c: c0 }) : layer.forward(input, h0)
      const { h, c } = 'h' in state ? state : { h: state, c: undefined }
      const weighted = (x: Tensor, by: string) => x.mul(fixture[by]).sum()
      const loss = weighted(output, 'grad_output').add(weighted(h, 'grad_hn'))
      ;(c ? loss.add(weighted(c, 'grad_cn')) : loss).backward()

      const actual: Record<string, Tensor> = { output, hn: h, 'grad.input': input.grad!, 'grad.h0': h0.grad! }
      if (c) Object.assign(actual, { cn: c, 'grad.c0': c0.grad! })
      for (const [parameter, tensor] of layer.namedParameters()) actual[`grad.param.${parameter}`] = tensor.grad!
      const errors = Object.entries(actual).map(([key, tensor]) => [key, relativeError(tensor.data, fixture[key].data)])
      expect(Object.keys(actual).length).toBe(
        Object.keys(fixture).filter((key) => /^(grad\.|output|hn|cn)/.test(key)).length,
      )
      expect(errors.filter(([, error]) => !((error as number) <= 1e-5))).toEqual([])
    },
  )
})

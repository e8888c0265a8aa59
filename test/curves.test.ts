import { describe, expect, test } from 'vitest'
import { useKernels } from '../src/kernels/index.js'
import { GRU } from '../src/nn/gru.js'
import { LSTM } from '../src/nn/lstm.js'
import { RNNModel } from '../src/nn/model.js'
import { detachState, type RecurrentLayer, type RecurrentState } from '../src/nn/recurrent.js'
import { RNN } from '../src/nn/rnn.js'
import { clipGradNorm } from '../src/optim/clip.js'
import { SGD } from '../src/optim/sgd.js'
import { crossEntropy } from '../src/tensor/functions.js'
import type { Tensor } from '../src/tensor/tensor.js'
import { kernelSets } from './kernel-sets.js'
import { readFixture, relativeError } from './read-fixture.js'

// 30 steps of training in PyTorch: test/fixtures/make_fixtures.py made them.
const options = { inputSize: 11, hiddenSize: 16 }

async function follow<S extends RecurrentState>(kind: string, layer: RecurrentLayer<S>): Promise<void> {
  const fixture = readFixture(`curve_${kind}_v11_h16_b4_t7_l1`)
  const model = new RNNModel(layer, 11)
  const named = (prefix: string): Record<string, Tensor> =>
    Object.fromEntries(model.namedParameters().map(([name]) => [name, fixture[`${prefix}.${name}`]]))
  model.loadStateDict(named('param'))
  const optimizer = new SGD(model.parameters(), { lr: await fixture.lr.item() })
  let state: S | undefined
  for (let step = 0; step < fixture.loss.size; step++) {
    const { output, state: next } = model.forward(fixture['tokens.x'].select(0, step), state)
    state = detachState(next)
    const loss = crossEntropy(output, fixture['tokens.y'].select(0, step).T.reshape(-1))
    optimizer.zeroGrad()
    loss.backward()
    const norm = clipGradNorm(model.parameters(), 1)
    optimizer.step()
    const expected = { loss: fixture.loss.data[step], norm: fixture.grad_norm.data[step] }
    expect(Math.abs((await loss.item()) - expected.loss), `loss at step ${step}`).toBeLessThan(1e-4 * expected.loss)
    expect(Math.abs(norm - expected.norm), `norm at step ${step}`).toBeLessThan(1e-4 * expected.norm)
  }
  for (const [name, values] of Object.entries(named('final'))) {
    expect(relativeError(model.stateDict()[name].data, values.data), name).toBeLessThan(1e-4)
  }
}

describe.each(kernelSets)('$name follows PyTorch’s training', (kernels) => {
  test.each([
    ['rnn_tanh', () => follow('rnn_tanh', new RNN(options))],
    ['rnn_relu', () => follow('rnn_relu', new RNN({ ...options, nonlinearity: 'relu' }))],
    ['gru', () => follow('gru', new GRU(options))],
    ['lstm', () => follow('lstm', new LSTM(options))],
  ])('%s', async (_kind, run) => {
    useKernels(kernels)
    await run()
  })
})

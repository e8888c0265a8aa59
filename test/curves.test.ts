import { describe, expect, test } from 'vitest'
import { setDefaultDevice } from '../src/kernels/devices.js'
import { GRU } from '../src/nn/gru.js'
import { LSTM } from '../src/nn/lstm.js'
import { RNNModel } from '../src/nn/model.js'
import type { RecurrentLayer, RecurrentOptions } from '../src/nn/recurrent.js'
import { detachState, type RecurrentState } from '../src/nn/recurrent-state.js'
import { RNN } from '../src/nn/rnn.js'
import { clipGradNorm } from '../src/optim/clip.js'
import { SGD } from '../src/optim/sgd.js'
import { crossEntropy } from '../src/tensor/losses.js'
import type { Tensor } from '../src/tensor/tensor.js'
import { devices } from './kernel-sets.js'
import { fixturesOf, readFixture, relativeError } from './read-fixture.js'

// Trainings are compared with PyTorch's, step by step; test/fixtures/make_fixtures.py made the fixtures.

async function follow<S extends RecurrentState>(name: string, layer: RecurrentLayer<S>): Promise<void> {
  const fixture = readFixture(name)
  const model = new RNNModel(layer, layer.inputSize)
  const named = (prefix: string): Record<string, Tensor> =>
    Object.fromEntries(model.namedParameters().map(([name]) => [name, fixture[`${prefix}.${name}`]]))
  model.loadStateDict(named('param'))
  const optimizer = new SGD(model.parameters(), { lr: await fixture.lr.item() })
  const [losses, norms] = [await fixture.loss.values(), await fixture.grad_norm.values()]
  let state: S | undefined
  for (let step = 0; step < fixture.loss.size; step++) {
    const { output, state: next } = model.forward(fixture['tokens.x'].select(0, step), state)
    state = detachState(next)
    const loss = crossEntropy(output, fixture['tokens.y'].select(0, step).T.reshape(-1))
    optimizer.zeroGrad()
    loss.backward()
    const norm = await clipGradNorm(model.parameters(), 1).item()
    optimizer.step()
    const expected = { loss: losses[step], norm: norms[step] }
    expect(Math.abs((await loss.item()) - expected.loss), `loss at step ${step}`).toBeLessThan(1e-4 * expected.loss)
    expect(Math.abs(norm - expected.norm), `norm at step ${step}`).toBeLessThan(1e-3 * expected.norm)
  }
  for (const [name, values] of Object.entries(named('final'))) {
    expect(relativeError(await model.stateDict()[name].values(), await values.values()), name).toBeLessThan(1e-4)
  }
}

const layers: Record<string, (options: RecurrentOptions) => RecurrentLayer> = {
  rnn_tanh: (options) => new RNN(options),
  rnn_relu: (options) => new RNN({ ...options, nonlinearity: 'relu' }),
  gru: (options) => new GRU(options),
  lstm: (options) => new LSTM(options),
}

describe.each(devices)('$name follows PyTorch’s training', (device) => {
  test.each(fixturesOf('curve'))('$name', async ({ name, kind, sizes }) => {
    setDefaultDevice(device)
    await follow(name, layers[kind]({ inputSize: sizes.v, hiddenSize: sizes.h, numLayers: sizes.l }))
  })
})

import { afterAll, expect, test } from 'vitest'
import { findGpu } from '#platform'
import { setDefaultDevice } from '../../src/kernels/devices.js'
import { acquire } from '../../src/kernels/webgpu/adapter.js'
import { Gpu } from '../../src/kernels/webgpu/gpu.js'
import { WebGpuDevice } from '../../src/kernels/webgpu/webgpu.js'
import { GRU } from '../../src/nn/gru.js'
import { LSTM } from '../../src/nn/lstm.js'
import { RNNModel } from '../../src/nn/model.js'
import type { RecurrentLayer, RecurrentOptions } from '../../src/nn/recurrent.js'
import { RNN } from '../../src/nn/rnn.js'
import { clipGradNorm } from '../../src/optim/clip.js'
import { SGD } from '../../src/optim/sgd.js'
import { tensor } from '../../src/tensor/create.js'
import { crossEntropy } from '../../src/tensor/losses.js'

// A dispatch costs tens of microseconds whatever it does: on a GPU a training step is few of them, however long the text.
// What the steps compute is not read: a device of their own ends without computing it.
const device = new WebGpuDevice(new Gpu(await acquire(await findGpu(), true)))
afterAll(() => device.gpu.destroy())
const vocab = 28

const layers: readonly ((options: RecurrentOptions) => RecurrentLayer)[] = [
  (options) => new RNN(options),
  (options) => new GRU(options),
  (options) => new LSTM(options),
]

test(`a training step of the book's model takes at most 40 dispatches on ${device.name}`, () => {
  setDefaultDevice(device)
  const counts = layers.map((layer) => {
    const model = new RNNModel(layer({ inputSize: vocab, hiddenSize: 256 }), vocab)
    const optimizer = new SGD(model.parameters(), { lr: 1 })
    const ofStep = (numSteps: number): number => {
      const tokens = Array.from({ length: 32 }, (_, b) =>
        Array.from({ length: numSteps }, (_, t) => (5 * b + t) % vocab),
      )
      const [x, y] = [tensor(tokens, { dtype: 'int32' }), tensor(tokens.flat(), { dtype: 'int32' })]
      const before = device.gpu.counts
      const loss = crossEntropy(model.forward(x).output, y)
      optimizer.zeroGrad()
      loss.backward()
      clipGradNorm(model.parameters(), 1)
      optimizer.step()
      const after = device.gpu.counts
      expect(after.bytesRead).toBe(before.bytesRead)
      return after.dispatches - before.dispatches
    }
    const [few, many] = [ofStep(5), ofStep(35)]
    expect(many).toBeLessThanOrEqual(40)
    // A sum over more places may be added up in parts; walks through time are not.
    expect(many).toBeLessThanOrEqual(few + 2)
    return many
  })
  console.log(`dispatches of a training step of an RNN, a GRU and an LSTM: ${counts.join(', ')}`)
})

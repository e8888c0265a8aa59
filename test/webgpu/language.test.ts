import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Generator } from '../../src/core/random.js'
import { SequenceData } from '../../src/data/sequences.js'
import { Vocab } from '../../src/data/vocab.js'
import { setDefaultDevice } from '../../src/kernels/devices.js'
import { useKernels, wasmKernels } from '../../src/kernels/index.js'
import type { WebGpuDevice } from '../../src/kernels/webgpu/webgpu.js'
import { GRU } from '../../src/nn/gru.js'
import { LSTM } from '../../src/nn/lstm.js'
import { RNNModel } from '../../src/nn/model.js'
import { RNN } from '../../src/nn/rnn.js'
import { Adam } from '../../src/optim/adam.js'
import { calibrate } from '../../src/train/calibrate.js'
import { evaluateCorpus } from '../../src/train/evaluate.js'
import { Training } from '../../src/train/training.js'
import { devices } from '../kernel-sets.js'

// Language models are trained on the WebGPU device as on the CPU: the same losses, without reading inside a step.

const device = devices[0] as unknown as WebGpuDevice
const vocab = Vocab.of(['<unk>', ...'abcdefgh '])
const corpus = Int32Array.from({ length: 300 }, (_, i) => 1 + ((i * i + (i >> 3)) % 9))

beforeAll(() => {
  useKernels(wasmKernels({ threads: 1 }))
  setDefaultDevice()
})
afterAll(() => setDefaultDevice())

const layers = {
  rnn: (options: { generator: Generator }) => new RNN({ inputSize: vocab.size, hiddenSize: 16, ...options }),
  gru: (options: { generator: Generator }) => new GRU({ inputSize: vocab.size, hiddenSize: 16, ...options }),
  lstm: (options: { generator: Generator }) =>
    new LSTM({ inputSize: vocab.size, hiddenSize: 16, numLayers: 2, dropout: 0.2, ...options }),
}

function trainingOf(cell: keyof typeof layers, onGpu: boolean, numSteps = 7) {
  const generator = new Generator(4)
  const model = new RNNModel(layers[cell]({ generator }) as RNN, vocab.size, { generator })
  if (onGpu) model.to(device as never)
  const data = new SequenceData(corpus, { batchSize: 4, numSteps, generator: new Generator(2) })
  const optimizer = new Adam(model.parameters(), { lr: 0.01 })
  const training = new Training(model, data, { optimizer, epochs: 1, clip: 1, generators: [generator] })
  return { model, training }
}

async function losses(training: ReturnType<typeof trainingOf>['training']): Promise<number[]> {
  const all: number[] = []
  for await (const event of training.run()) if (event.type === 'step') all.push(event.loss, event.gradNorm)
  return all
}

describe(`on ${device.name}`, () => {
  test.each(['rnn', 'gru', 'lstm'] as const)(
    '%s: an epoch, an evaluation and a calibration as on the CPU',
    async (cell) => {
      const [here, there] = [trainingOf(cell, false), trainingOf(cell, true)]
      const [expected, found] = [await losses(here.training), await losses(there.training)]
      expect(found.length).toBe(expected.length)
      expected.forEach((value, i) => {
        expect(Math.abs(found[i] - value), `number ${i}`).toBeLessThan(1e-4 * Math.max(1, value))
      })
      const evaluated = await Promise.all([here, there].map(({ model }) => evaluateCorpus(model, corpus)))
      expect(Math.abs(evaluated[0].loss - evaluated[1].loss)).toBeLessThan(1e-4)
      const temperatures = await Promise.all([here, there].map(({ model }) => calibrate(model, corpus)))
      expect(Math.abs(temperatures[0].temperature - temperatures[1].temperature)).toBeLessThan(1e-3)
    },
  )

  test('at most 40 dispatches a training step of one layer, however long it is, and no more memory after many', async () => {
    const { dispatches: first, bytesHeld: before } = device.gpu.counts
    const counts: number[] = []
    for (const numSteps of [5, 30]) {
      const { training } = trainingOf('gru', true, numSteps)
      const { dispatches } = device.gpu.counts
      for await (const _ of training.run());
      counts.push((device.gpu.counts.dispatches - dispatches) / training.step)
    }
    expect(device.gpu.counts.dispatches).toBeGreaterThan(first)
    expect(Math.max(...counts)).toBeLessThanOrEqual(40)
    expect(Math.abs(counts[1] - counts[0])).toBeLessThan(4)
    expect(device.gpu.counts.bytesHeld - before).toBeLessThan(2 ** 22)
  })
})

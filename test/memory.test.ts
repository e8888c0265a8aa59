import { describe, expect, test } from 'vitest'
import { kernels, useKernels, wasmKernels } from '../src/kernels/index.js'
import { LSTM } from '../src/nn/lstm.js'
import { RNNModel } from '../src/nn/model.js'
import { detachState, type LSTMState } from '../src/nn/recurrent-state.js'
import { SGD } from '../src/optim/sgd.js'
import { rand, tensor } from '../src/tensor/create.js'
import { crossEntropy } from '../src/tensor/losses.js'

const tokens = tensor(
  [
    [0, 1, 2],
    [2, 1, 0],
  ],
  { dtype: 'int32' },
)

describe('nobody frees anything by hand', () => {
  test('1,000 steps leave the kernels’ memory as it was after 100', async () => {
    useKernels(wasmKernels())
    const model = new RNNModel(new LSTM({ inputSize: 3, hiddenSize: 8 }), 3)
    const optimizer = new SGD(model.parameters(), { lr: 0.1 })
    let state: LSTMState | undefined
    let after100 = 0
    for (let step = 1; step <= 1000; step++) {
      const { output, state: next } = model.forward(tokens, state && detachState(state))
      state = next
      const loss = crossEntropy(output, tokens.T.reshape(-1))
      optimizer.zeroGrad()
      loss.backward()
      optimizer.step()
      if (step === 100) after100 = kernels().memoryBytes()
    }
    expect(kernels().memoryBytes()).toBe(after100)
  })

  test('passes without gradients keep nothing, and steppers free their memory', () => {
    const set = wasmKernels({ threads: 1 })
    const random = (length: number) => rand([length]).data as Float32Array
    const [inputSize, hiddenSize, numSteps, batchSize] = [8, 64, 50, 16]
    const sizes = { cell: 'gru', numSteps, batchSize, inputSize, hiddenSize, reverse: false } as const
    const weights = { weightIh: random(3 * 64 * 8), weightHh: random(3 * 64 * 64) }
    const input = random(numSteps * batchSize * inputSize)
    const stack = { layers: [{ ...sizes, weights }], weight: random(8 * hiddenSize), outFeatures: 8 }
    const round = () => {
      set.recurrent(sizes, weights, { input }, false)
      const stepper = set.stepper(stack, batchSize)
      stepper.step(new Int32Array(batchSize))
      stepper.free()
    }
    round()
    const after1 = set.memoryBytes()
    for (let i = 0; i < 100; i++) round()
    expect(set.memoryBytes()).toBe(after1)
  })

  test('forward passes without a backward pass stay within a bound, and can still have one', async () => {
    useKernels(wasmKernels())
    const layer = new LSTM({ inputSize: 64, hiddenSize: 64 })
    const x = rand([100, 16, 64])
    const gradient = () => layer.namedParameters().map(([, { grad }]) => [...grad!.data.slice(0, 50)])
    layer.forward(x).output.sum().backward()
    const expected = gradient()
    layer.zeroGrad()
    const first = layer.forward(x).output.sum()
    // 150 passes of 3.3 MB are 500 MB. Each has its own input, so that none leaves the first one's values in memory.
    for (let i = 0; i < 150; i++) layer.forward(rand([100, 16, 64]))
    expect(kernels().memoryBytes()).toBeLessThan(340 * 2 ** 20)
    first.backward()
    expect(gradient()).toEqual(expected)
  })
})

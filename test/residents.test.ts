import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { Generator } from '../src/core/random.js'
import type { Kernels } from '../src/device/device.js'
import { referenceKernels, useKernels, wasmKernels } from '../src/kernels/index.js'
import { LinearMemory } from '../src/kernels/wasm/linear-memory.js'
import { Residents } from '../src/kernels/wasm/resident.js'
import type { WasmKernels } from '../src/kernels/wasm/wasm.js'
import { Linear } from '../src/nn/linear.js'
import { LSTM } from '../src/nn/lstm.js'
import { RNNModel } from '../src/nn/model.js'
import { Parameter } from '../src/nn/parameter.js'
import { RNN } from '../src/nn/rnn.js'
import { Adam } from '../src/optim/adam.js'
import { clipGradNorm } from '../src/optim/clip.js'
import { SGD } from '../src/optim/sgd.js'
import { noGrad } from '../src/tensor/autograd.js'
import { fromData, rand, tensor } from '../src/tensor/create.js'
import { crossEntropy } from '../src/tensor/losses.js'
import type { Tensor } from '../src/tensor/tensor.js'

// Parameters, gradients and the values of optimizers live in the kernels' memory. Nobody may notice, except by the time.

const wasm = wasmKernels({ threads: 2 })
beforeEach(() => useKernels(wasm))
afterAll(() => useKernels(wasmKernels()))

const [vocabSize, hiddenSize] = [7, 20]
const tokens = fromData(
  Int32Array.from({ length: 30 }, (_, i) => (i * 5) % vocabSize),
  [3, 10],
)

const makeModel = (seed = 1) => {
  const generator = new Generator(seed)
  return new RNNModel(new LSTM({ inputSize: vocabSize, hiddenSize, generator }), vocabSize, { generator })
}

const lossOf = (model: RNNModel): Tensor => crossEntropy(model.forward(tokens).output, tokens.T.reshape(-1))

/** Gradients as a backward pass of the reference in double precision gives them, for a model with the same parameters. */
async function referenceLoss(model: RNNModel) {
  const values = await Promise.all(model.parameters().map((parameter) => parameter.values()))
  useKernels(referenceKernels('float64'))
  const twin = makeModel()
  for (const [i, parameter] of twin.parameters().entries()) parameter.copy_(values[i])
  const loss = lossOf(twin)
  loss.backward()
  const grads = await Promise.all(twin.parameters().map(({ grad }) => grad!.values()))
  useKernels(wasm)
  return { loss: await loss.item(), grads }
}

async function expectTrue(model: RNNModel) {
  const { loss, grads } = await referenceLoss(model)
  const found = lossOf(model)
  expect(await found.item()).toBeCloseTo(loss, 5)
  for (const parameter of model.parameters()) parameter.grad = null
  found.backward()
  for (const [i, { grad }] of model.parameters().entries()) {
    const values = await grad!.values()
    for (const [j, value] of values.entries()) expect(value).toBeCloseTo(grads[i][j], 5)
  }
}

describe('whatever changes a parameter is seen by the next pass', () => {
  const weight = (model: RNNModel) => model.rnn.parameters()[1]
  const changes: Record<string, (model: RNNModel) => void> = {
    'an optimizer': (model) => new SGD(model.parameters(), { lr: 5 }).step(),
    'its array': (model) => weight(model).data.fill(0.1),
    'its array after an optimizer’s step': (model) => {
      const { data } = weight(model)
      new SGD(model.parameters(), { lr: 5 }).step()
      for (let i = 0; i < data.length; i++) data[i] += 0.05
    },
    copy_: (model) => weight(model).copy_(rand(weight(model).shape, new Generator(4))),
    'copy_ from another parameter': (model) => weight(model).copy_(weight(makeModel(2))),
    loadStateDict: (model) => model.loadStateDict(makeModel(3).stateDict()),
    'an operation of its device in place': (model) => {
      const { device, storage } = weight(model)
      device.affine(storage, 0.5, 0.01, storage)
    },
    'a tensor that shares its storage': (model) => weight(model).detach().data.fill(0.2),
  }

  test.each(Object.entries(changes))('%s', async (_, change) => {
    const model = makeModel()
    lossOf(model).backward()
    const before = await lossOf(model).item()
    change(model)
    expect(await lossOf(model).item()).not.toBe(before)
    await expectTrue(model)
  })

  test('but a stepper keeps the weights that it was made with', () => {
    const model = makeModel()
    lossOf(model).backward()
    const [stepper, twin] = [model.stepper(1), model.stepper(1)]
    const first = [...(stepper.step(Int32Array.of(1)) as Float32Array)]
    new SGD(model.parameters(), { lr: 5 }).step()
    lossOf(model).backward()
    expect([...(twin.step(Int32Array.of(1)) as Float32Array)]).toEqual(first)
    expect([...(model.stepper(1).step(Int32Array.of(1)) as Float32Array)]).not.toEqual(first)
  })
})

describe('weights are laid out for the products', () => {
  test('once after each step, all of them together, and not at all where nothing has changed', () => {
    const model = makeModel()
    const optimizer = new SGD(model.parameters(), { lr: 0.1 })
    const { pool } = (wasm as WasmKernels).engine
    const jobs = [vi.spyOn(pool, 'run'), vi.spyOn(pool, 'runHere')]
    /** The number of pieces of each such job. */
    const laidOut = (work: () => void) => {
      for (const job of jobs) job.mockClear()
      work()
      return jobs.flatMap(({ mock }) => mock.calls).flatMap(([kind, , pieces]) => (kind === 'pieces' ? [pieces] : []))
    }
    const loss = () => lossOf(model)
    const step = () => {
      optimizer.step()
      return laidOut(() => loss().backward())
    }
    try {
      loss().backward()
      const first = step()
      expect(first.length).toBe(1)
      expect(laidOut(() => loss().backward())).toEqual([])
      expect(step()).toEqual(first)
      optimizer.step()
      expect(laidOut(() => noGrad(loss)).length).toBe(1)
      expect(laidOut(() => noGrad(loss))).toEqual([])
      // A single row wants other panels, which training does not.
      noGrad(() => model.forward(fromData(Int32Array.of(1), [1, 1])))
      loss().backward()
      step()
      expect(step()).toEqual(first)
    } finally {
      vi.restoreAllMocks()
    }
  })
})

describe('values that somebody holds stay theirs', () => {
  test('a gradient that was taken is not written to by later passes', async () => {
    const model = makeModel()
    const [parameter] = model.parameters()
    const optimizer = new SGD(model.parameters(), { lr: 1 })
    lossOf(model).backward()
    const taken = parameter.grad!
    const values = [...(await taken.values())]
    for (let step = 0; step < 5; step++) {
      optimizer.step()
      optimizer.zeroGrad()
      lossOf(model).backward()
    }
    expect([...taken.data]).toEqual(values)
    expect([...parameter.grad!.data]).not.toEqual(values)
  })

  test('a gradient that was written to by hand is what the optimizer takes', () => {
    const parameter = new Parameter(tensor([1, 2]))
    parameter
      .mul(tensor([3, 4]))
      .sum()
      .backward()
    parameter.grad!.data[0] = 10
    new SGD([parameter], { lr: 1 }).step()
    expect([...parameter.data]).toEqual([-9, -2])
  })

  test('an array that was taken from a parameter is its array for good', () => {
    const model = makeModel()
    const [parameter] = model.parameters()
    const { data } = parameter
    lossOf(model).backward()
    const before = [...data]
    new Adam(model.parameters()).step()
    expect(parameter.data).toBe(data)
    expect([...data]).not.toEqual(before)
  })

  test('values() is a copy, also after the array was taken', async () => {
    const parameter = new Parameter(tensor([1, 2]))
    parameter.data[0] = 3
    const before = await parameter.values()
    parameter.data[0] = 4
    expect([...before]).toEqual([3, 2])
  })

  test('a parameter and the tensor that it was made of share their values', () => {
    const values = tensor([1, 2])
    const parameter = new Parameter(values)
    parameter.data[0] = 5
    expect([...values.data]).toEqual([5, 2])
  })
})

describe('storages in several places at once', () => {
  test('a gradient may be the parameter itself', async () => {
    const layer = new RNN({ inputSize: 3, hiddenSize: 4 })
    const x = rand([2, 2, 3])
    layer.forward(x)
    const parameters = layer.parameters()
    for (const parameter of parameters) parameter.grad = parameter.detach()
    new SGD(parameters, { lr: 1 }).step()
    expect([...layer.forward(x).output.data].every((value) => value === 0)).toBe(true)
    const array = tensor([1, 2]).requiresGrad_()
    array.grad = array.detach()
    new SGD([array], { lr: 0.5 }).step()
    expect([...array.data]).toEqual([0.5, 1])
  })

  test('two parameters with one storage are both updated', () => {
    const values = tensor([1, 2])
    const [a, b] = [values.detach().requiresGrad_(), values.detach().requiresGrad_()]
    for (const parameter of [a, b]) parameter.grad = tensor([1, 1])
    new SGD([a, b], { lr: 1 }).step()
    expect([...values.data]).toEqual([-1, 0])
  })

  test('a gradient that two parameters have is scaled once', async () => {
    const [a, b] = [new Parameter(tensor([1])), new Parameter(tensor([2]))]
    a.grad = tensor([3])
    b.grad = a.grad
    expect(await clipGradNorm([a, b], 1).item()).toBeCloseTo(3 * Math.SQRT2, 5)
    expect(a.grad.data[0]).toBeCloseTo(Math.SQRT1_2, 6)
  })

  test('losses of the same scores add up', async () => {
    const model = makeModel()
    const { output } = model.forward(tokens)
    const loss = () => crossEntropy(output, tokens.T.reshape(-1))
    loss().add(loss()).backward()
    const { grads } = await referenceLoss(model)
    for (const [i, { grad }] of model.parameters().entries()) {
      for (const [j, value] of grad!.data.entries()) expect(value).toBeCloseTo(2 * grads[i][j], 5)
    }
  })

  test('more parameters than threads can count in one job', () => {
    const parameters = Array.from({ length: 2 ** 16 + 1 }, (_, i) => tensor([i]).requiresGrad_())
    for (const parameter of parameters) parameter.grad = tensor([2])
    clipGradNorm(parameters, 2 ** 8)
    new SGD(parameters, { lr: 1 }).step()
    // The norm is a little above 2⁹, so that the gradients became 1.
    for (const i of [0, 1, 2 ** 15, 2 ** 16]) expect(parameters[i].data[0]).toBeCloseTo(i - 1, 2)
  })
})

describe('numbers at the end of the range', () => {
  test('Adam takes a step of at most lr with a gradient of any size', () => {
    const parameter = tensor([1]).requiresGrad_()
    parameter.grad = tensor([3e38])
    new Adam([parameter], { lr: 10 }).step()
    // Its square is infinite, as in PyTorch.
    expect(parameter.data[0]).toBe(1)
  })

  test('clipping scales by factors far below one', () => {
    const parameter = tensor([1]).requiresGrad_()
    parameter.grad = tensor([3e38])
    clipGradNorm([parameter], 1e-8)
    expect(parameter.grad.data[0] / 1e-8).toBeCloseTo(1, 5)
  })
})

describe('other kernels', () => {
  const sets = { 'one thread': wasmKernels({ threads: 1 }), 'the reference': referenceKernels() }

  test.each(Object.entries(sets))('%s continues with the same parameters and moments', async (_, others) => {
    const [model, stayed] = [makeModel(), makeModel()]
    const [optimizer, same] = [new Adam(model.parameters()), new Adam(stayed.parameters())]
    const step = (of: RNNModel, by: Adam) => {
      by.zeroGrad()
      lossOf(of).backward()
      clipGradNorm(of.parameters(), 0.1)
      by.step()
    }
    for (let i = 0; i < 4; i++) {
      step(stayed, same)
      useKernels(i % 2 === 0 ? wasm : others)
      step(model, optimizer)
      useKernels(wasm)
    }
    for (const [i, parameter] of model.parameters().entries()) {
      const [found, expected] = [await parameter.values(), await stayed.parameters()[i].values()]
      for (const [j, value] of found.entries()) expect(value).toBeCloseTo(expected[j], 5)
    }
  })

  test('they may be chosen between the forward pass, the backward pass and the optimizer’s step', async () => {
    const [model, stayed] = [makeModel(), makeModel()]
    const loss = lossOf(model)
    useKernels(sets['the reference'])
    loss.backward()
    useKernels(sets['one thread'])
    new SGD(model.parameters(), { lr: 1 }).step()
    useKernels(wasm)
    lossOf(stayed).backward()
    new SGD(stayed.parameters(), { lr: 1 }).step()
    expect(await lossOf(model).item()).toBeCloseTo(await lossOf(stayed).item(), 5)
  })
})

describe('memory', () => {
  function expectFlat(set: Kernels, round: () => void, rounds: number) {
    round()
    const after1 = set.memoryBytes()
    for (let i = 0; i < rounds; i++) round()
    expect(set.memoryBytes()).toBe(after1)
  }

  test('training asks for no more after its first step, with frozen parameters and with losses that nobody follows', () => {
    const set = wasmKernels({ threads: 1 })
    useKernels(set)
    const layer = new RNN({ inputSize: 64, hiddenSize: 128 })
    const output = new Linear({ inFeatures: 128, outFeatures: 50 })
    layer.parameters()[0].requiresGrad_(false)
    const parameters = [...layer.parameters(), ...output.parameters()].filter(({ requiresGrad }) => requiresGrad)
    const optimizer = new Adam(parameters)
    const [x, targets] = [rand([10, 8, 64]), fromData(new Int32Array(80), [80])]
    const loss = () => crossEntropy(output.forward(layer.forward(x).output).reshape(80, 50), targets)
    const round = () => {
      optimizer.zeroGrad()
      loss().backward()
      clipGradNorm(parameters, 1)
      optimizer.step()
      noGrad(loss)
    }
    expectFlat(set, round, 200)
  })

  test('a program that looks at every gradient needs no more memory either', () => {
    const set = wasmKernels({ threads: 1 })
    useKernels(set)
    const model = makeModel()
    const optimizer = new SGD(model.parameters(), { lr: 0.1 })
    const round = () => {
      optimizer.zeroGrad()
      lossOf(model).backward()
      for (const { grad } of model.parameters()) expect(grad).not.toBeNull()
      optimizer.step()
    }
    expectFlat(set, round, 500)
  })

  test('losses without a backward pass are bounded', () => {
    const set = wasmKernels({ threads: 1 })
    useKernels(set)
    const logits = rand([1000, 100]).requiresGrad_()
    const targets = fromData(new Int32Array(1000), [1000])
    // Each loss keeps its gradient, 0.4 MB.
    for (let i = 0; i < 1000; i++) crossEntropy(logits, targets)
    expect(set.memoryBytes()).toBeLessThan(150 * 2 ** 20)
  })

  test('there is room for a number of values, and again once some are free', () => {
    const memory = new LinearMemory(false)
    const residents = new Residents(memory, { kept: 4000, temporary: 400 })
    const first = residents.make(600, 'kept')!
    expect(residents.make(600, 'kept')).toBeUndefined()
    expect(residents.make(400, 'kept')).toBeDefined()
    expect(residents.make(101, 'temporary')).toBeUndefined()
    // Its array is outside the memory.
    expect(first.array.length).toBe(600)
    const again = residents.make(400, 'kept')!
    // Panels count, too. Those for which there is no room are made anew each time.
    expect(again.panels('a', 100)).toBeDefined()
    expect(again.panels('b', 400)).toBeUndefined()
    again.free()
    expect(residents.make(500, 'kept')).toBeDefined()
  })
})

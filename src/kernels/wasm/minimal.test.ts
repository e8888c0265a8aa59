import { describe, expect, test } from 'vitest'
import { relativeError } from '../../../test/read-fixture.js'
import { Generator } from '../../core/random.js'
import type { Kernels } from '../../device/device.js'
import { crossEntropy, fromData, MinGRU, MinLSTM, RNNModel, rand, randn, type Tensor } from '../../index.js'
import { setDefaultDevice } from '../devices.js'
import { blasKernels, referenceKernels, wasmKernels } from '../index.js'

// Sequences of several chunks of time: the plain walk through time of the twin in double precision is what is right.

const layers = { mingru: MinGRU, minlstm: MinLSTM }
const blas = blasKernels({ threads: 2 })
const sets: [string, Kernels][] = [
  ['one thread', wasmKernels({ threads: 1 })],
  ['two threads', wasmKernels({ threads: 2 })],
  ['vectors of 128 bits', wasmKernels({ threads: 1, simd: 'relaxed-simd' })],
  ['kernels without these cells', wasmKernels({ threads: 1, simd: 'simd' })],
  ...(blas ? [['the BLAS', blas] as [string, Kernels]] : []),
]
const cases = (['mingru', 'minlstm'] as const).flatMap((cell) =>
  // The first chunk would be followed by one of a single step; then chunks of which the last is shorter; one row, and padded rows.
  [
    { steps: 33, batch: 1 },
    { steps: 72, batch: 1 },
    { steps: 100, batch: 11 },
    // From this batch on a thread takes the chunks of some sequences in order.
    { steps: 65, batch: 27 },
  ].map((sizes) => ({ cell, ...sizes })),
)

/** The values and gradients of a layer in two directions over features, whose last states count, too. */
async function ofLayer(kernels: Kernels, cell: keyof typeof layers, steps: number, batch: number) {
  setDefaultDevice(kernels)
  const generator = new Generator(1)
  const [inputSize, hiddenSize] = [5, 21]
  const layer = new layers[cell]({ inputSize, hiddenSize, bidirectional: true, generator })
  const x = randn([steps, batch, inputSize], generator).requiresGrad_()
  const h0 = rand([2, batch, hiddenSize], generator).requiresGrad_()
  const { output, state } = layer.forward(x, h0)
  output.square().sum().add(state.square().sum()).backward()
  return valuesOf({ output, state, dx: x.grad!, dh0: h0.grad!, ...gradientsOf(layer.namedParameters()) })
}

/** The same of a language model: tokens come in, and its linear output is a part of the operation. */
async function ofModel(kernels: Kernels, cell: keyof typeof layers, steps: number, batch: number) {
  setDefaultDevice(kernels)
  const generator = new Generator(2)
  const model = new RNNModel(new layers[cell]({ inputSize: 7, hiddenSize: 21, generator }), 7, { generator })
  const tokens = () => Int32Array.from({ length: steps * batch }, () => generator.integer(7))
  const { output, state } = model.forward(fromData(tokens(), [batch, steps]))
  const loss = crossEntropy(output, fromData(tokens(), [batch * steps]))
  loss.backward()
  return valuesOf({ output, state, loss, ...gradientsOf(model.namedParameters()) })
}

const gradientsOf = (parameters: Iterable<[string, Tensor]>): Record<string, Tensor> =>
  Object.fromEntries([...parameters].map(([name, parameter]) => [name, parameter.grad!]))

async function valuesOf(tensors: Record<string, Tensor>) {
  const values = Object.entries(tensors).map(async ([name, tensor]) => [name, [...(await tensor.values())]] as const)
  return Object.fromEntries(await Promise.all(values))
}

describe.each(cases)('$cell, $steps steps, batch $batch', ({ cell, steps, batch }) => {
  test.each([
    ['layer', ofLayer],
    ['model', ofModel],
  ] as const)('a %s in chunks has the values and gradients of a plain walk', async (_, results) => {
    const right = await results(referenceKernels('float64'), cell, steps, batch)
    for (const [set, kernels] of sets) {
      const own = await results(kernels, cell, steps, batch)
      for (const [name, values] of Object.entries(right)) {
        expect(relativeError(own[name], values), `${name}, ${set}`).toBeLessThan(1e-5)
      }
    }
  })

  test('the bits are the same on any number of threads', async () => {
    const one = await ofLayer(wasmKernels({ threads: 1 }), cell, steps, batch)
    for (const threads of [2, 3]) expect(await ofLayer(wasmKernels({ threads }), cell, steps, batch)).toEqual(one)
  })
})

test.each(['mingru', 'minlstm'] as const)('%s: sequences of one step', async (cell) => {
  for (const batch of [1, 3]) {
    const [right, own] = await Promise.all(
      [referenceKernels('float64'), wasmKernels()].map((k) => ofModel(k, cell, 1, batch)),
    )
    for (const [name, values] of Object.entries(right))
      expect(relativeError(own[name], values), name).toBeLessThan(1e-5)
  }
})

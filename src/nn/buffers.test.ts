import { expect, test } from 'vitest'
import { devices } from '../../test/kernel-sets.js'
import { GradientError } from '../core/errors.js'
import { referenceKernels, useKernels, wasmKernels } from '../kernels/index.js'
import { fromData, tensor, zeros } from '../tensor/create.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import { Parameter, registerBuffer } from './parameter.js'

class Scaled extends Module {
  readonly linear = new Linear({ inFeatures: 2, outFeatures: 2 })
  readonly mean = registerBuffer(zeros([2]))
  readonly nothing = zeros([5])
}

test('a buffer is saved and loaded, but not learned; other tensors are neither saved nor learned', () => {
  const model = new Scaled()
  expect(model.namedParameters().map(([name]) => name)).toEqual(['linear.weight', 'linear.bias'])
  expect(model.namedBuffers()).toEqual([['mean', model.mean]])
  model.mean.data.set([3, 4])
  const saved = model.stateDict()
  expect(Object.keys(saved)).toEqual(['linear.weight', 'linear.bias', 'mean'])
  const other = new Scaled()
  other.loadStateDict(saved)
  expect([...other.mean.data]).toEqual([3, 4])
  const { mean: _, ...without } = saved
  expect(() => other.loadStateDict(without)).toThrow('mean is missing')
})

test('whole numbers and learned tensors cannot be buffers', () => {
  expect(() => registerBuffer(fromData(Int32Array.of(1), [1]))).toThrow(GradientError)
  expect(() => registerBuffer(new Parameter(zeros([1])))).toThrow(GradientError)
})

test('a module moves to a device with parameters, gradients and buffers, gives the same results there, and comes back', async () => {
  useKernels(referenceKernels())
  const device = devices.at(-1)!
  expect(device.kind).not.toBe('cpu')
  const model = new Scaled()
  const x = tensor([[1, -2]])
  const expected = await model.linear.forward(x).toArray()
  model.linear.forward(x).sum().backward()
  const grad = await model.linear.weight.grad!.toArray()
  expect(model.to(device)).toBe(model)
  expect([model.mean.device, model.linear.weight.device]).toEqual([device, device])
  expect(() => model.mean.data).toThrow(`data: the values of the tensor [2] are on ${device.name}, expected the CPU`)
  expect(() => model.linear.forward(x)).toThrow(/linear: weight .* is on .*, expected reference/)
  expect(await model.linear.forward(x.to(device)).toArray()).toEqual(expected)
  expect(() => model.to(referenceKernels())).toThrow('await cpu()')
  await model.cpu()
  expect(await model.linear.forward(x).toArray()).toEqual(expected)
  expect(await model.linear.weight.grad!.toArray()).toEqual(grad)
  useKernels(wasmKernels())
})

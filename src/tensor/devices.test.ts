import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { devices } from '../../test/kernel-sets.js'
import { FormatError, OptionError } from '../core/errors.js'
import { kernels, useKernels, wasmKernels } from '../kernels/index.js'
import { Linear } from '../nn/linear.js'
import { Parameter } from '../nn/parameter.js'
import { Adam } from '../optim/adam.js'
import { ones, tensor } from './create.js'

// Tensors on two devices: what belongs together must be on one, and whatever is not says so.
const device = devices.at(-1)!
const elsewhere = `on ${device.name}, expected`

beforeAll(() => useKernels(wasmKernels({ threads: 1 })))
afterAll(() => useKernels(wasmKernels({ threads: 1 })))

describe(`the CPU and ${device.name}`, () => {
  test('a gradient is refused on another device than its parameter', async () => {
    const [here, there] = [new Parameter(ones([3])), new Parameter(ones([3])).to_(device)]
    expect(() => {
      here.grad = ones([3]).to(device)
    }).toThrow(OptionError)
    expect(() => {
      there.grad = ones([3])
    }).toThrow(/^grad: the gradient \[3\] is on wasm.*to\(device\) moves it$/)
    there.grad = ones([3]).to(device)
    there.mul(2).sum().backward()
    expect([...(await there.grad!.values())]).toEqual([3, 3, 3])
    expect(here.grad).toBe(null)
  })

  test('a state on a device is loaded there, and refused elsewhere before anything is changed', async () => {
    const sizes = { inFeatures: 1, outFeatures: 2 }
    const [there, other, here] = [new Linear(sizes).to(device), new Linear(sizes).to(device), new Linear(sizes)]
    const before = await here.weight.toArray()
    other.loadStateDict(there.stateDict())
    expect(await other.weight.toArray()).toEqual(await there.weight.toArray())
    const mixed = { weight: ones([2, 1]), bias: there.stateDict().bias }
    expect(() => here.loadStateDict(mixed)).toThrow(FormatError)
    expect(() => here.loadStateDict(mixed)).toThrow(`bias is ${elsewhere} the CPU; await cpu() brings it there`)
    expect(await here.weight.toArray()).toEqual(before)
    const state = new Adam(there.parameters()).stateDict()
    expect(() => new Adam(here.parameters()).loadStateDict(state)).toThrow(`exp_avg.0 is ${elsewhere} the CPU`)
    there.loadStateDict(here.stateDict())
    expect(await there.weight.toArray()).toEqual(before)
  })

  test('places that a device found leave it with cpu(), and not silently stay', async () => {
    const places = tensor([[1, 5, 2]])
      .to(device)
      .argmax()
    expect(() => places.to(kernels())).toThrow(`to: the values of the tensor [1] are ${elsewhere} the CPU`)
    expect([...(await places.to(device).values())]).toEqual([1])
    expect([...(await places.cpu()).to(device).data]).toEqual([1])
    expect(() => places.copy_([0.5])).toThrow('copy_: 0.5 is not a whole number')
  })

  test('it is not taken for kernels', () => {
    expect(() => useKernels(device as never)).toThrow(
      'useKernels: the argument is an object, expected kernels such as wasmKernels(); setDefaultDevice takes a GPU',
    )
  })
})

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

  test('the largest of values is a NaN where there is one, and the first of several, as in PyTorch', async () => {
    for (const length of [4, 300]) {
      for (const places of [[0], [3], [1, 2], [length - 1], [length >> 1, length - 1]]) {
        const row = Array.from({ length }, (_, i) => (places.includes(i) ? Number.NaN : i % 7))
        const flipped = tensor([row, row.map((_, i) => -i)]).T
        for (const x of [tensor([row]).T, flipped, flipped.to(device)]) {
          expect((await x.argmax(0).values())[0]).toBe(places[0])
          expect((await x.max(0).values())[0]).toBe(Number.NaN)
        }
        expect((await flipped.to(device).argmax(0).values())[1]).toBe(0)
      }
    }
    const large = tensor([-0, 0, -1, -Infinity, Infinity, 1e38])
    for (const x of [large, large.to(device)]) {
      expect((await x.argmax().values())[0]).toBe(4)
      expect((await x.slice(0, 0, 4).argmax().values())[0]).toBe(0)
      expect((await x.slice(0, 2, 4).argmax().values())[0]).toBe(0)
    }
  })

  test('it is not taken for kernels', () => {
    expect(() => useKernels(device as never)).toThrow(
      'useKernels: the argument is an object, expected kernels such as wasmKernels(); setDefaultDevice takes a GPU',
    )
  })
})

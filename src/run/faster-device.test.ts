import { expect, test } from 'vitest'
import { opaqueDevice } from '../../test/opaque-device.js'
import type { Device } from '../device/device.js'
import { referenceKernels, wasmKernels } from '../kernels/index.js'
import { fasterDevice } from './faster-device.js'

const sizes = {
  cell: 'rnn',
  vocabSize: 11,
  hiddenSize: 128,
  numLayers: 1,
  bias: true,
  bidirectional: false,
} as Parameters<typeof fasterDevice>[1]

/** A device that counts how often a layer is run on it, or has no room for one. */
function watched(device: Device, name: string, room = true) {
  const seen = { layers: 0 }
  const proxy: Device = new Proxy(device, {
    get: (_, field) => {
      if (field === 'name') return name
      const value = Reflect.get(device, field) as unknown
      if (field === 'recurrent') seen.layers++
      if (field === 'recurrent' && !room) return () => device.zeros(2 ** 50)
      return typeof value === 'function' ? value.bind(device) : value
    },
  })
  return { device: proxy, seen }
}

test('the faster device is chosen, whatever its place, and the same sizes are measured once', async () => {
  const slow = watched(opaqueDevice(referenceKernels(), 5), 'slow')
  const fast = watched(opaqueDevice(wasmKernels({ threads: 1 }), 5), 'fast')
  const first = await fasterDevice([slow.device, fast.device], sizes, 8, 10)
  expect(first.device).toBe(fast.device)
  expect(first.times[0]).toBeGreaterThan(first.times[1])
  expect((await fasterDevice([fast.device, slow.device], sizes, 8, 10)).device).toBe(fast.device)
  const { layers } = slow.seen
  expect(layers).toBeGreaterThan(0)
  expect(await fasterDevice([slow.device, fast.device], sizes, 8, 10)).toEqual(first)
  expect(slow.seen.layers).toBe(layers)
})

test('a device without room for the model is not chosen', async () => {
  const full = watched(opaqueDevice(wasmKernels({ threads: 1 }), 5), 'full', false)
  const cpu = watched(opaqueDevice(referenceKernels(), 5), 'reference')
  const { device, times } = await fasterDevice([full.device, cpu.device], { ...sizes, hiddenSize: 8 }, 2, 3)
  expect(device).toBe(cpu.device)
  expect(times[0]).toBe(Infinity)
})

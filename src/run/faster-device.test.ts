import { expect, test } from 'vitest'
import { opaqueDevice } from '../../test/opaque-device.js'
import { version } from '../core/version.js'
import type { Device } from '../device/device.js'
import { referenceKernels, wasmKernels } from '../kernels/index.js'
import { fasterDevice } from './faster-device.js'
import { MemoryStore } from './memory-store.js'
import { deviceFor } from './prepare.js'
import { runDefaults } from './run-options.js'
import type { MachineNotes } from './store.js'

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
  expect(await fasterDevice([slow.device, fast.device], sizes, 8, 10)).toEqual({ ...first, known: true })
  expect(slow.seen.layers).toBe(layers)
})

test('a device without room for the model is not chosen', async () => {
  const full = watched(opaqueDevice(wasmKernels({ threads: 1 }), 5), 'full', false)
  const cpu = watched(opaqueDevice(referenceKernels(), 5), 'reference')
  const { device, times } = await fasterDevice([full.device, cpu.device], { ...sizes, hiddenSize: 8 }, 2, 3)
  expect(device).toBe(cpu.device)
  expect(times[0]).toBe(Infinity)
})

/** The notes of a machine, which several processes find. */
function notesOf(text: string) {
  const written: string[] = []
  const notes: MachineNotes = {
    read: async () => written.at(-1) ?? text,
    write: async (_name, text) => void written.push(text),
  }
  return { notes, written }
}
const two = (name: string) => [
  watched(opaqueDevice(referenceKernels(), 5), name).device,
  watched(opaqueDevice(wasmKernels({ threads: 1 }), 5), `${name}'s CPU`).device,
]
const known = async (devices: Device[], notes: MachineNotes, hiddenSize = 8, batchSize = 2) =>
  (await fasterDevice(devices, { ...sizes, hiddenSize }, batchSize, 3, notes)).known

test('times that the machine keeps are found by another process, and hold for the same devices and sizes alone', async () => {
  const { notes, written } = notesOf('[]')
  expect(await known(two('one'), notes)).toBe(false)
  expect(await known(two('one'), notesOf(written[0]).notes)).toBe(true)
  expect(await known(two('other'), notes)).toBe(false)
  expect(await known(two('one'), notes, 9)).toBe(false)
  expect(await known(two('one'), notes, 8, 4)).toBe(false)
  const [gpu, cpu] = two('one')
  const threads = new Proxy(cpu, { get: (of, field) => (field === 'threads' ? 7 : Reflect.get(of, field)) })
  expect(await known([gpu, threads], notes)).toBe(false)
  expect(await known(two('one'), notes)).toBe(true)
})

test.each(['', '[[', 'null', '{"a": [1, 2]}', '[null, 3, ["x"], ["y", [1, "2"]], ["z", [0, -1]]]'])(
  'a damaged text about the machine, %j, is replaced',
  async (text) => {
    const { notes, written } = notesOf(text)
    expect(await known(two('one'), notes)).toBe(false)
    expect(await known(two('one'), notes)).toBe(true)
    const [[key, times], ...rest] = JSON.parse(written[0])
    expect([JSON.parse(key)[0], times, rest]).toEqual([version, [expect.any(Number), expect.any(Number)], []])
  },
)

test('only the last 200 times are kept, and a machine that keeps nothing is measured again', async () => {
  const old = Array.from({ length: 200 }, (_, i) => [String(i), [1, 2]])
  const { notes, written } = notesOf(JSON.stringify(old))
  await known(two('one'), notes)
  expect(JSON.parse(written[0]).map(([key]: [string]) => key)).toEqual([
    ...old.slice(1).map(([key]) => key),
    expect.stringContaining('one'),
  ])
  const refuse = () => Promise.reject(new Error('there is no room'))
  for (let i = 0; i < 2; i++) expect(await known(two('one'), { read: refuse, write: refuse })).toBe(false)
})

test('a run says what it chose and why, and whether it was measured before', async () => {
  const gpu = new Proxy(two('a GPU')[0], { get: (of, field) => (field === 'kind' ? 'webgpu' : Reflect.get(of, field)) })
  const { notes, written } = notesOf('[]')
  const store = Object.assign(new MemoryStore(), { machine: notes })
  const options = { ...runDefaults, device: 'auto', batchSize: 2, numSteps: 3 } as const
  const said: string[] = []
  for (let i = 0; i < 2; i++) await deviceFor(gpu, { ...sizes, hiddenSize: 8 }, options, store, said)
  expect(said[0]).toMatch(/^on .*: a GPU takes \S+ ms a step, \S+ \S+ ms a step$/)
  expect(said[1]).toBe(`${said[0]}, as measured before`)
  expect(written).toHaveLength(1)
})

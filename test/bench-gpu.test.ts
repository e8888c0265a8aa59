import { setDefaultDevice } from 'unrolled'
import { afterAll, expect, test } from 'vitest'
import { gpuCases } from '../bench/cases.js'
import { trainingStep } from '../bench/gpu.js'
import { commandOf, countingDevice, floorOf, Recorder } from '../bench/gpu-commands.js'
import type { Shader } from '../dist/kernels/webgpu/program.js'
import { WebGpuDevice } from '../dist/kernels/webgpu/webgpu.js'

// What the bench tells about a GPU without having one.

afterAll(() => setDefaultDevice())

const walk: Shader = {
  name: 'walk',
  storages: { weights: 'read vec4f', sums: 'update f32', tape: 'update f32', hn: 'write f32' },
  params: { steps: 'u32', count: 'u32' },
  code: 'sums[i] = weights[k] + sums[i]; tape[(at + 1u) * H] = 2.0; hn[(i)] = 1.0;',
}

test('the traffic of a dispatch is what its shader declares to read and write, and what it does not only assign', () => {
  const given = [{ length: 100 }, { length: 70 }, { length: 140 }, { length: 3 }]
  const whole = commandOf(walk, given, [7, 7])
  expect(whole).toEqual({ kernel: 'walk', bytes: 4 * (100 + 2 * 70 + 140 + 3), walked: 7 * 400 })
  const oneStep = commandOf(walk, given, [7, 1])
  expect(oneStep).toEqual({ kernel: 'walk', bytes: 4 * (100 + 2 * 10 + 20 + 3), walked: 400 })
})

test('a storage that stands at two places is counted once', () => {
  const x = { length: 5 }
  const add: Shader = { name: 'add', storages: { x: 'read f32', y: 'update f32' }, params: {}, code: 'y[i] += x[i];' }
  expect(commandOf(add, [x, { length: 5 }], []).bytes).toBe(60)
  expect(commandOf(add, [x, x], []).bytes).toBe(40)
})

test('the least time is that of the dispatches and the longer of moving and computing', () => {
  const speed = { bandwidth: 100, flops: 1, dispatch: 10, cache: 10 }
  const commands = [
    { kernel: 'a', bytes: 100e6, walked: 0 },
    { kernel: 'b', bytes: 100e6, walked: 20e6 },
  ]
  expect(floorOf(commands, 0, speed)).toBeCloseTo(0.02 + 1 + 2)
  expect(floorOf(commands, 5e9, speed)).toBeCloseTo(0.02 + 5)
})

test('steps are counted without a GPU, with the limits that every GPU has', async () => {
  const recorder = new Recorder(countingDevice())
  setDefaultDevice(new WebGpuDevice(recorder.gpu) as never)
  for (const one of gpuCases.slice(0, 3)) {
    const step = trainingStep(one)
    step()
    const { dispatches } = recorder.gpu.counts
    const { commands } = await recorder.record(step)
    const run = commands.filter(({ kernel }) => kernel !== 'fill with zeros')
    expect(run.length).toBe(recorder.gpu.counts.dispatches - dispatches)
    expect(run.length).toBeLessThanOrEqual(40)
  }
})

test("a step of the book's models takes at most 40 dispatches, also with 4,096 time steps, of which few walk long", async () => {
  const recorder = new Recorder(countingDevice())
  setDefaultDevice(new WebGpuDevice(recorder.gpu) as never)
  for (const one of gpuCases.slice(0, 3)) {
    const step = trainingStep(one, 4096)
    step()
    const { commands } = await recorder.record(step)
    expect(commands.filter(({ kernel }) => kernel !== 'fill with zeros').length).toBeLessThanOrEqual(40)
    // What the 32 workgroups of a walk read of W_hh takes half a second at 100 GB/s.
    expect(Math.max(...commands.map(({ walked }) => 32 * walked))).toBeLessThanOrEqual(50e9)
  }
})

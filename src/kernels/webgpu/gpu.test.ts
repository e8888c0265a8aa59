import { afterAll, expect, test } from 'vitest'
import { findGpu } from '#platform'
import { DeviceLostError, UnrolledError } from '../../core/errors.js'
import { acquire } from './adapter.js'
import { Gpu } from './gpu.js'
import { shader } from './program.js'
import { softmax } from './softmax.js'
import { webGpuDevice } from './webgpu.js'

// The runtime under the WebGPU device. Without an adapter the tests are skipped.
const gpu = await findGpu()
  .then((entry) => acquire(entry, true))
  .then((acquired) => new Gpu(acquired))
  .catch((error: Error) => console.log(`no GPU: ${error.message}`))
const name = gpu?.name ?? 'none'

afterAll(() => gpu?.destroy())

const scale = shader({
  name: 'scale',
  storages: { x: 'read f32', y: 'write f32' },
  params: { count: 'u32', factor: 'f32' },
  code: `
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < p.count) { y[id.x] = p.factor * x[id.x]; }
    }`,
})

test.skipIf(!gpu)(`runs shaders on ${name}, in place, too`, async () => {
  const x = gpu!.from([1, 2, 3])
  const y = gpu!.zeros(3)
  gpu!.run(scale, [x, y], [3, 2], [1])
  gpu!.run(scale, [y, y], [3, 10], [1])
  // The write must not overtake the commands before it.
  gpu!.write([7, 8, 9], x)
  expect([await gpu!.read(y), await gpu!.read(x)]).toEqual([Float32Array.of(20, 40, 60), Float32Array.of(7, 8, 9)])
})

test.skipIf(!gpu)('reductions use subgroups where the adapter has them, unless they are turned off', async () => {
  for (const subgroups of [gpu!.subgroups, false]) {
    const acquired = await findGpu().then((entry) => acquire(entry, true))
    const codes: string[] = []
    const make = acquired.device.createShaderModule.bind(acquired.device)
    acquired.device.createShaderModule = (given) => {
      codes.push(given.code)
      return make(given)
    }
    const other = new Gpu({ ...acquired, subgroups })
    softmax(other, [other.from([1, 2, 3]), other.empty(3)], 1, 3)
    expect(codes.map((code) => /enable subgroups;[\s\S]*subgroupAdd/.test(code))).toEqual([subgroups])
    other.destroy()
  }
})

test.skipIf(!gpu)(`zeros on ${name} are zeros, also in a buffer that was used before`, async () => {
  const x = gpu!.from(new Float32Array(100).fill(3))
  gpu!.free(x)
  expect(await gpu!.read(gpu!.zeros(100))).toEqual(new Float32Array(100))
})

test.skipIf(!gpu)(`memory of ${name} stays flat over many dispatches, and bytes are counted`, async () => {
  const x = gpu!.from(new Float32Array(1000).fill(1))
  const before = gpu!.counts
  let held = 0
  for (let step = 0; step < 2000; step++) {
    const y = gpu!.zeros(1000)
    gpu!.run(scale, [x, y], [1000, 2], [16])
    gpu!.write(new Float32Array(1000), x)
    gpu!.free(y)
    if (step === 600) held = gpu!.counts.bytesHeld
  }
  await gpu!.read(x)
  const { dispatches, bytesHeld, bytesWritten } = gpu!.counts
  expect(bytesHeld).toBe(held)
  expect(dispatches - before.dispatches).toBe(2000)
  expect(bytesWritten - before.bytesWritten).toBe(8_000_000)
})

test.skipIf(!gpu)(`memory of ${name} that nobody uses any more is found, although nobody frees it`, async () => {
  const x = gpu!.from([1])
  const before = gpu!.counts.bytesHeld
  let most = 0
  for (let step = 0; step < 300; step++) {
    // 8 MB, of which the shader writes one value.
    gpu!.run(scale, [x, gpu!.zeros(2 ** 21)], [1, 2], [1])
    if (step % 5 === 0) await gpu!.read(x)
    most = Math.max(most, gpu!.counts.bytesHeld - before)
  }
  // Together they are 2.5 GB, and 1.3 GB wait where nobody reminds the collector. On a busy machine it comes later.
  expect(most).toBeLessThan(2 ** 30)
})

test.skipIf(!gpu)(`a shader with an error makes ${name} fail with its message`, async () => {
  const acquired = await findGpu().then((entry) => acquire(entry, true))
  const broken = new Gpu(acquired)
  const wrong = shader({ name: 'wrong', storages: { y: 'write f32' }, params: {}, code: 'fn main() { oops }' })
  const y = broken.zeros(1)
  broken.run(wrong, [y], [], [1])
  await expect(broken.read(y)).rejects.toThrow(/oops|wrong/)
  broken.destroy()
})

test.skipIf(!gpu)(`a lost device is told, and what to do`, async () => {
  const acquired = await findGpu().then((entry) => acquire(entry, true))
  const lost = new Gpu(acquired)
  const x = lost.from([1])
  expect(lost.works).toBe(true)
  const onItsWay = expect(lost.read(x)).rejects.toThrow(DeviceLostError)
  await Promise.resolve()
  lost.destroy()
  await onItsWay
  await acquired.device.lost
  expect(() => lost.run(scale, [x, x], [1, 2], [1])).toThrow(/was lost.*tryGpu\(\) finds a device again/)
  await expect(lost.read(x)).rejects.toThrow(UnrolledError)
  expect(lost.works).toBe(false)
})

test.skipIf(!gpu)(
  `what does not fit into a buffer of ${name} is refused, and so is what does not fit into its memory`,
  async () => {
    expect(() => gpu!.zeros(2 ** 40, 'zeros')).toThrow(/^zeros: a tensor of 1099511627776 values does not fit/)
    const acquired = await findGpu().then((entry) => acquire(entry, true))
    // A device without memory for a second buffer.
    let made = 0
    const { device } = acquired
    device.popErrorScope = async () => {
      if (made++ === 0) return null
      // A GPU tells of what followed, too, and may do so before.
      const error = { message: 'an invalid buffer' }
      device.onuncapturederror!({ error, preventDefault: () => undefined } as GPUUncapturedErrorEvent)
      return { message: 'out of memory' } as GPUError
    }
    const full = new Gpu(acquired)
    const x = full.from([1])
    full.from([2])
    await expect(full.read(x)).rejects.toThrow(/memory of the GPU .* is exhausted.*batchSize/)
    full.destroy()
  },
)

test.skipIf(!gpu)(
  'one device is found, by several searches at the same time, too, and another after it was lost',
  async () => {
    const first = await webGpuDevice(findGpu, true)
    expect(await webGpuDevice(findGpu, true)).toBe(first)
    first.gpu.destroy()
    await expect.poll(() => first.gpu.works).toBe(false)
    const found = await Promise.all([1, 2, 3].map(() => webGpuDevice(findGpu, true)))
    expect(new Set(found).size).toBe(1)
    expect(found[0]).not.toBe(first)
    expect([first, found[0]].map((device) => device.name)).toEqual([
      `webgpu (${name}, which has failed)`,
      `webgpu (${name})`,
    ])
  },
)

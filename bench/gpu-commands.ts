// What the commands of a training step on a GPU move, how long each takes, and the least time that they can take.
import type { Acquired } from '../dist/kernels/webgpu/adapter.js'
import { Gpu } from '../dist/kernels/webgpu/gpu.js'
import type { Shader } from '../dist/kernels/webgpu/program.js'

/** The speed of a GPU: GB/s, TFLOPS, µs that a dispatch takes whatever it does, GB/s of one workgroup from its cache. */
export type Speed = Record<'bandwidth' | 'flops' | 'dispatch' | 'cache', number>
export const gpuDefaults: Speed = { bandwidth: 300, flops: 10, dispatch: 30, cache: 100 }
/** The most dispatches that can be measured one by one: a set of queries has at most 4096. */
const MOST_TIMED = 2048

export const FILL = 'fill with zeros'

/** One command of a step: a dispatch, or filling a buffer with zeros. */
export interface Command {
  kernel: string
  /** Bytes of the buffers that it reads or writes, each of them once, and twice where its values change. */
  bytes: number
  /** Bytes that one workgroup reads one after another, because it reads the same weights again at each time step. */
  walked: number
  /** Milliseconds on the adapter at hand. */
  ms?: number
}

/** Storages of a recurrent layer that hold all time steps, of which a dispatch for one step touches only its part. */
const ofAllSteps = new Set(['sums', 'h_all', 'tape', 'hidden', 'dy', 'tokens', 'x'])

/** The traffic of one dispatch, by what the shader declares to do with its storages. */
export function commandOf(
  { name, storages, params, code }: Shader,
  given: readonly { length: number }[],
  values: readonly number[],
): Command {
  const [steps, count] = ['steps', 'count'].map((param) => values[Object.keys(params).indexOf(param)])
  const command: Command = { kernel: name, bytes: 0, walked: 0 }
  const uses = Object.entries(storages).map(([storage, access], i) => ({ storage, access, x: given[i] }))
  for (const x of new Set(given)) {
    const all = uses.filter((use) => use.x === x)
    const [{ storage }] = all
    // Where a product with W_hh is another dispatch, only the biases behind the packed weights are read.
    if (storage === 'weights' && 'products' in storages) continue
    const part = steps && ofAllSteps.has(storage) ? count / steps : 1
    const bytes = 4 * x.length * part
    const reads = all.some(
      (use) => use.access.startsWith('read') || (use.access.startsWith('update') && isRead(use.storage, code)),
    )
    const writes = all.some(({ access }) => !access.startsWith('read'))
    command.bytes += bytes * (Number(reads) + Number(writes))
    if (steps && storage.startsWith('weight')) command.walked += count * bytes
  }
  return command
}

/** Whether a shader reads a storage, besides assigning to its values. */
const isRead = (storage: string, code: string): boolean =>
  [...code.matchAll(new RegExp(`(?<![.\\w])${storage}\\[[^\\]]*[\\])]+( = )?`, 'g'))].some(([, assigned]) => !assigned)

/** The least milliseconds of commands on a GPU of that speed: they run one after another, and it moves while it computes. */
export function floorOf(commands: readonly Command[], operations: number, speed: Speed): number {
  const moving = commands.map(({ bytes, walked }) => Math.max(bytes / speed.bandwidth, walked / speed.cache) / 1e6)
  const computing = operations / speed.flops / 1e9
  return (commands.length * speed.dispatch) / 1e3 + Math.max(sum(moving), computing)
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** A GPU whose commands are written down and, if asked for, measured one by one. */
export class Recorder {
  commands: Command[] = []
  timing = false
  readonly gpu: Gpu
  readonly #device: GPUDevice
  readonly #queries: GPUQuerySet | undefined

  constructor(acquired: Acquired) {
    const { device } = acquired
    this.#device = device
    this.#queries = acquired.timestamps
      ? device.createQuerySet({ type: 'timestamp', count: 2 * MOST_TIMED })
      : undefined
    const makeEncoder = device.createCommandEncoder.bind(device)
    device.createCommandEncoder = () => {
      const encoder = makeEncoder()
      const begin = encoder.beginComputePass.bind(encoder)
      encoder.beginComputePass = () => begin(this.#pass())
      return encoder
    }
    this.gpu = new Gpu(acquired)
    const run = this.gpu.run.bind(this.gpu)
    this.gpu.run = (shader, storages, params, groups) => {
      if (groups.includes(0)) return
      Object.values(shader.storages).forEach((access, i) => {
        const { zero, held, length } = storages[i]
        const filled = zero && !held.buffer && !access.startsWith('write')
        if (filled && !this.timing) this.commands.push({ kernel: FILL, bytes: 4 * length, walked: 0 })
      })
      this.commands.push(commandOf(shader, storages, params))
      run(shader, storages, params, groups)
      // So that the next dispatch gets a pass, and a measurement, of its own.
      if (this.timing) this.gpu.submit()
    }
  }

  /** The commands of a step, with their times if the adapter measures any, and the bytes that it writes to the GPU. */
  async record(step: () => unknown): Promise<{ commands: Command[]; written: number }> {
    this.commands = []
    const before = this.gpu.counts.bytesWritten
    step()
    const { commands } = this
    const written = this.gpu.counts.bytesWritten - before
    if (!this.#queries || commands.length > MOST_TIMED) return { commands, written }
    this.gpu.submit()
    this.commands = []
    this.timing = true
    step()
    this.timing = false
    const times = await this.#times(this.#queries)
    const dispatches = commands.filter(({ kernel }) => kernel !== FILL)
    for (const [i, command] of dispatches.entries()) command.ms = times[i]
    return { commands, written }
  }

  #pass(): GPUComputePassDescriptor {
    if (!this.timing) return {}
    const at = 2 * (this.commands.length - 1)
    const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [at, at + 1]
    return { timestampWrites: { querySet: this.#queries!, beginningOfPassWriteIndex, endOfPassWriteIndex } }
  }

  async #times(queries: GPUQuerySet): Promise<number[]> {
    const count = this.commands.length
    const size = 16 * count
    const resolved = this.#device.createBuffer({ size, usage: 0x200 | 0x04 }) // QUERY_RESOLVE, COPY_SRC
    const staging = this.#device.createBuffer({ size, usage: 0x01 | 0x08 }) // MAP_READ, COPY_DST
    const encoder = this.#device.createCommandEncoder()
    encoder.resolveQuerySet(queries, 0, 2 * count, resolved, 0)
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size)
    this.#device.queue.submit([encoder.finish()])
    await staging.mapAsync(1) // READ
    const at = new BigUint64Array(staging.getMappedRange().slice(0))
    for (const buffer of [resolved, staging]) buffer.destroy()
    return this.commands.map((_, i) => Number(at[2 * i + 1] - at[2 * i]) / 1e6)
  }
}

/** The limits that WebGPU guarantees, but for the size of buffers, of which the largest case needs more. */
const guaranteed = {
  maxBufferSize: 2 ** 30,
  maxStorageBufferBindingSize: 2 ** 30,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16_384,
}

/** A device that computes nothing, with these limits: it is enough to count. */
export function countingDevice(limits: Partial<GPUSupportedLimits> = guaranteed): Acquired {
  const known = {
    limits,
    lost: new Promise(() => undefined),
    popErrorScope: async () => null,
  }
  const nothing: unknown = new Proxy(() => nothing, { apply: () => nothing, get: () => nothing })
  const device = new Proxy(known, { get: (_, name) => Reflect.get(known, name) ?? nothing }) as unknown as GPUDevice
  return { device, name: 'none', software: true, subgroups: false, timestamps: false }
}

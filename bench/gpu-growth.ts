// How memory grows in a long training on a GPU: `npm run bench:growth -- --device webgpu`.
import { Generator, RNN, RNNModel, SequenceData, SGD, Training } from 'unrolled'
import type { Acquired } from '../dist/kernels/webgpu/adapter.js'
import { Gpu } from '../dist/kernels/webgpu/gpu.js'
import { WebGpuDevice } from '../dist/kernels/webgpu/webgpu.js'

/** A count of everything that a training holds. */
export interface Held {
  step: number
  /** Buffers, groups of bindings and pipelines that were made so far. */
  buffers: number
  groups: number
  pipelines: number
  /** Bytes of the buffers that exist, and of those among them that are free. */
  bytes: number
  free: number
  /** Bytes of JavaScript's heap, and of the process. */
  heap: number
  process: number
  /** Milliseconds since the training began. */
  ms: number
}

/** Trains a tiny model, and yields what is held after every `every` steps, for so many times. */
export async function* growthOn(acquired: Acquired, every: number, times: number): AsyncGenerator<Held> {
  const { device } = acquired
  const made = { buffers: 0, groups: 0, pipelines: 0 }
  const counted = { createBuffer: 'buffers', createBindGroup: 'groups', createComputePipeline: 'pipelines' } as const
  for (const [method, kind] of Object.entries(counted) as [keyof typeof counted, keyof typeof made][]) {
    const make = device[method].bind(device) as (descriptor: never) => never
    Object.assign(device, {
      [method]: (descriptor: never) => {
        made[kind]++
        return make(descriptor)
      },
    })
  }
  const gpu = new Gpu(acquired)
  const generator = new Generator(1)
  const vocab = 28
  const model = new RNNModel(new RNN({ inputSize: vocab, hiddenSize: 8, generator }), vocab)
  model.to(new WebGpuDevice(gpu) as never)
  const corpus = Uint8Array.from({ length: 4000 }, () => generator.integer(vocab))
  const data = new SequenceData(corpus, { batchSize: 2, numSteps: 4 })
  const optimizer = new SGD(model.parameters(), { lr: 0.1 })
  const training = new Training(model, data, { optimizer, epochs: 1_000_000, clip: 1 })
  const start = performance.now()
  for await (const event of training.run()) {
    if (event.type !== 'step' || event.step % every > 0) continue
    const { bytesHeld: bytes, bytesFree: free } = gpu.counts
    const { heapUsed: heap, rss } = process.memoryUsage()
    yield { step: event.step, ...made, bytes, free, heap, process: rss, ms: performance.now() - start }
    if (event.step === every * times) return
  }
}

/** Prints what a long training holds; returns what grows although it should not. */
export async function benchGrowth(acquired: Acquired, steps: number): Promise<string[]> {
  console.log(
    '| steps | buffers made | groups made | pipelines | buffers MB | free MB | heap MB | process MB | ms a step |',
  )
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |')
  const rows: Held[] = []
  for await (const held of growthOn(acquired, Math.ceil(steps / 20), 20)) {
    const { step, buffers, groups, pipelines, bytes, free, heap, process, ms } = held
    const megabytes = [bytes, free, heap, process].map((bytes) => (bytes / 1e6).toFixed(2))
    const since = rows.at(-1) ?? { step: 0, ms: 0 }
    const speed = ((ms - since.ms) / (step - since.step)).toFixed(2)
    console.log(`| ${[step, buffers, groups, pipelines, ...megabytes, speed].join(' | ')} |`)
    rows.push(held)
  }
  // Storages come back when the garbage collector has found them, so that the bytes go up and down.
  const half = rows.length / 2
  return (['pipelines', 'bytes', 'heap'] as const).flatMap((name) => {
    const [before, after] = [rows.slice(0, half), rows.slice(half)].map((rows) =>
      Math.max(...rows.map((row) => row[name])),
    )
    return after > 1.5 * before
      ? [`${name}: at most ${before} in the first half of the training, ${after} in the second`]
      : []
  })
}

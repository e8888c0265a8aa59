// What a training step costs on a GPU: `npm run bench -- --device webgpu`. Its dispatches, traffic and arithmetic, the time
// on the adapter at hand, and the least time on a GPU of stated speed, so that the kernels can be judged without one.
import {
  clipGradNorm,
  crossEntropy,
  fromData,
  GRU,
  LSTM,
  type RecurrentLayer,
  type RecurrentOptions,
  RNN,
  RNNModel,
  SGD,
  setDefaultDevice,
} from 'unrolled'
import { type Acquired, acquire } from '../dist/kernels/webgpu/adapter.js'
import { WebGpuDevice } from '../dist/kernels/webgpu/webgpu.js'
import { findAdapter } from '../test/webgpu/adapter.js'
import { type Case, type Cell, gpuCases, numSteps, trainingOperations, vocabSize } from './cases.js'
import { type Command, countingDevice, FILL, floorOf, Recorder, type Speed, sum } from './gpu-commands.js'
import { startCurrentTorch, startTorch } from './peers.js'
import { spreadOf } from './report.js'

const SOURCES = `by default 300 GB/s and 10 TFLOPS, about those of middling GPUs by their data sheets (NVIDIA T4: 320 and 8.1, RTX 3060:
360 and 12.7); 30 µs a dispatch, of the 24 to 71 that were published; 100 GB/s of a workgroup from its cache, which
is 64 bytes a clock at 1.5 GHz and what src/kernels/webgpu/layer-grid.ts assumes`

/** Tokens a second that the book printed on its GPU. */
const BOOK = { rnn: 279_664, gru: 283_913, lstm: 315_171 }
/** Operations of a step beyond which an adapter on the CPU would take many minutes. */
const MOST_ON_CPU = 20e9
/** Bytes that go to the GPU for the parameters of a dispatch. */
const PARAMETER_BYTES = 256

/** Dawn must not be collected while a device of it is in use. */
let entry: GPU

interface Found {
  /** The adapter's device, or one that only counts. */
  acquired: Acquired
  /** What computes: a GPU, the CPU, or nothing. */
  by: 'gpu' | 'cpu' | 'nothing'
  words: string
}

/** The GPU of this machine, or else SwiftShader, or else only what can be counted. */
export async function findDevice(): Promise<Found> {
  const own = findAdapter(false)
  const found = own.name === undefined ? findAdapter() : own
  if (found.name === undefined) {
    const install = 'npm install webgpu and, on Debian, apt-get install libvulkan1 chromium bring a software adapter'
    const words = `none (${found.reason}; ${install}): nothing is measured, and counts are those with the limits that WebGPU guarantees`
    return { acquired: countingDevice(), by: 'nothing', words }
  }
  Object.assign(process.env, found.env)
  const { create } = await import('webgpu')
  // Without this, Dawn rounds timestamps to a tenth of a millisecond.
  entry = create(['disable-dawn-features=timestamp_quantization'])
  const onCpu = (await entry.requestAdapter({ powerPreference: 'high-performance' }))!.info.isFallbackAdapter
  const acquired = await acquire(entry, true)
  if (!onCpu) return { acquired, by: 'gpu', words: acquired.name }
  const words = `${acquired.name}, which computes on the CPU: its times say nothing about a GPU, and come from one round`
  return { acquired, by: 'cpu', words }
}

const layers: Record<Cell, (options: RecurrentOptions) => RecurrentLayer> = {
  rnn: (options) => new RNN(options),
  gru: (options) => new GRU(options),
  lstm: (options) => new LSTM(options),
}
const tokens = (count: number) =>
  Int32Array.from({ length: count }, (_, i) => (i * 7919 + (i >> 3) * 104_729) % vocabSize)

/** A training step of a new model on the default device; it returns the loss. */
export function trainingStep({ cell, hidden, batch }: Case, steps = numSteps) {
  const model = new RNNModel(layers[cell]({ inputSize: vocabSize, hiddenSize: hidden }), vocabSize)
  const parameters = model.parameters()
  const optimizer = new SGD(parameters, { lr: 1 })
  const x = fromData(tokens(batch * steps), [batch, steps])
  const y = fromData(tokens(batch * steps), [batch * steps])
  return () => {
    const loss = crossEntropy(model.forward(x).output, y)
    optimizer.zeroGrad()
    loss.backward()
    clipGradNorm(parameters, 1)
    optimizer.step()
    return loss
  }
}

/** Milliseconds, submissions and bytes read of a step; the loss is read once after every few steps. */
async function measure(device: WebGpuDevice, step: ReturnType<typeof trainingStep>, rounds: number, software: boolean) {
  const [every, least] = software ? [1, 0] : [device.readEvery, 200]
  const times: number[] = []
  const before = device.gpu.counts
  let steps = 0
  for (let round = 0; round < rounds; round++) {
    const [start, first] = [performance.now(), steps]
    do {
      for (let i = 1; i < every; i++) step()
      await step().toArray()
      steps += every
    } while (performance.now() < start + least)
    times.push((performance.now() - start) / (steps - first))
  }
  const after = device.gpu.counts
  const submissions = (after.submissions - before.submissions) / steps
  return { ms: spreadOf(times).median, submissions, read: (after.bytesRead - before.bytesRead) / steps }
}

const show = (value: number | undefined | null, digits = 2): string => value?.toFixed(digits) ?? '–'
const whole = (value: number): string => Math.round(value).toLocaleString('en')

/** Prints a table of the kernels of a step, those with the most traffic first. */
function printKernels(commands: readonly Command[], speed: Speed): void {
  const rows = [...new Set(commands.map(({ kernel }) => kernel))].map((kernel) => {
    const all = commands.filter((command) => command.kernel === kernel)
    const ms = all[0].ms === undefined ? undefined : sum(all.map(({ ms }) => ms!))
    return { kernel, count: all.length, bytes: sum(all.map(({ bytes }) => bytes)), least: floorOf(all, 0, speed), ms }
  })
  console.log('| kernel | dispatches | traffic MB | least ms without arithmetic | measured ms |')
  console.log('| --- | --- | --- | --- | --- |')
  for (const { kernel, count, bytes, least, ms } of rows.toSorted((a, b) => b.bytes - a.bytes)) {
    console.log(`| ${kernel} | ${count} | ${show(bytes / 1e6)} | ${show(least, 3)} | ${show(ms, 3)} |`)
  }
}

const columns =
  'model, dispatches, fills with zeros, submissions, kB to GPU, kB from it, traffic MB, GFLOP, least ms, tokens/s at most, measured ms, tokens/s, of the TFLOPS, PyTorch ms, the book tokens/s'

/** Prints, case by case, what a training step costs, and then all of it in a table. */
export async function benchGpu(speed: Speed, rounds: number, quick: boolean): Promise<void> {
  const { acquired, by, words } = await findDevice()
  const { bandwidth, flops, dispatch, cache } = speed
  console.log(`adapter: ${words}
least: on a GPU of ${bandwidth} GB/s, ${flops} TFLOPS, ${dispatch} µs a dispatch and ${cache} GB/s of a workgroup from its cache
(${SOURCES})
traffic: derived from the sizes of the buffers that each dispatch binds, each read or written once, and both where its values
change; what a kernel reads again must come from a cache. Arithmetic: trainingOperations in bench/cases.ts`)
  const torch = by === 'gpu' ? ((await startCurrentTorch()) ?? (await startTorch())) : undefined
  if (!torch) console.log(`PyTorch with cuDNN: ${by === 'gpu' ? 'not found' : 'there is no GPU for it'}`)
  const real = new Recorder(acquired)
  const counting = by === 'nothing' ? real : new Recorder(countingDevice(acquired.device.limits))
  const table = [columns.split(', '), columns.split(', ').map(() => '---')]
  for (const one of quick ? gpuCases.slice(0, 3) : gpuCases) {
    const { cell, hidden, batch } = one
    const name = `${cell.toUpperCase()} ${hidden}, batch ${batch}`
    console.log(`\n${name}, a training step of ${numSteps} time steps`)
    const operations = trainingOperations(one)
    const tooLong = by === 'cpu' && operations > MOST_ON_CPU
    if (tooLong) console.log('too large for an adapter on the CPU: it is only counted, with the limits of that adapter')
    const recorder = tooLong ? counting : real
    const device = new WebGpuDevice(recorder.gpu)
    setDefaultDevice(device as never)
    const step = trainingStep(one)
    // The first step compiles the shaders and fills the pool of buffers.
    const loss = step()
    if (recorder !== counting) await loss.toArray()
    const { commands, written } = await recorder.record(step)
    const measured =
      recorder === counting ? undefined : await measure(device, step, by === 'cpu' ? 1 : rounds, by === 'cpu')
    const peer = await torch?.ask({ ...one, steps: numSteps, threads: 1, count: 1, device: 'cuda' })
    if (peer === null) console.log('PyTorch: it has no CUDA here')
    printKernels(commands, speed)
    const least = floorOf(commands, operations, speed)
    const perSecond = (ms: number | undefined) => (ms ? whole((batch * numSteps * 1000) / ms) : '–')
    const fills = commands.filter(({ kernel }) => kernel === FILL).length
    table.push([
      name,
      ...[commands.length - fills, fills].map(String),
      show(measured?.submissions),
      show((written + PARAMETER_BYTES * (commands.length - fills)) / 1e3),
      show(measured && measured.read / 1e3, 4),
      show(sum(commands.map(({ bytes }) => bytes)) / 1e6),
      show(operations / 1e9),
      show(least),
      perSecond(least),
      show(measured?.ms),
      perSecond(measured?.ms),
      by === 'gpu' && measured ? `${show(operations / measured.ms / flops / 1e7, 1)} %` : '–',
      show(peer),
      hidden === 256 ? whole(BOOK[cell]) : '–',
    ])
  }
  console.log(`\n${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}`)
}

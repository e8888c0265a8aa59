// Measures how fast this library trains and generates, compared with PyTorch, JAX, oneDNN and TensorFlow.js on the same
// machine in the same run, and with this library in another folder or under another Node. All sides take turns.
// npm run bench -- [--quick] [--nodes 24,20] [--against FOLDER] [--only train] [--rounds 5] [--docs]
// npm run bench -- --device webgpu [--quick] [--gpu-bandwidth 300] [--gpu-flops 10] [--gpu-dispatch 30] [--gpu-cache 100]
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import { type Case, casesOf, numSteps, trainingOperations } from './cases.js'
import { benchGpu } from './gpu.js'
import { gpuDefaults } from './gpu-commands.js'
import {
  nodeBinary,
  type Peer,
  startCurrentTorch,
  startJax,
  startOneDnn,
  startTensorFlow,
  startTorch,
  startUnrolled,
} from './peers.js'
import { comparisons, type Measured, noisy, profileRow, type Report, row, spreadOf, writeDocs } from './report.js'

const options = new Command('bench')
  .option('--quick', 'batch 32, one layer, 256 and 1024 hidden units')
  .option(
    '--nodes <majors>',
    'run this library under other Nodes, from the npm package node; the first is the main one',
  )
  .option('--against <folder>', 'a built checkout of another version of this library, to compare with')
  .option('--only <job>', 'train or generate')
  .option('--rounds <n>', 'turns of each side', '5')
  .option('--device <device>', 'cpu, or webgpu: what a training step costs on a GPU', 'cpu')
  .option('--gpu-bandwidth <n>', 'GB/s of the GPU for which the least time is computed', Number, gpuDefaults.bandwidth)
  .option('--gpu-flops <n>', 'TFLOPS of it', Number, gpuDefaults.flops)
  .option('--gpu-dispatch <n>', 'µs that a dispatch takes on it, whatever it does', Number, gpuDefaults.dispatch)
  .option('--gpu-cache <n>', 'GB/s that one workgroup reads from its cache', Number, gpuDefaults.cache)
  .option('--profile', 'print where the time of training steps goes instead, on the main thread')
  .option('--docs', 'write docs/performance.md and its plots from the figures')
  .parse()
  .opts<{
    quick?: boolean
    nodes?: string
    against?: string
    only?: string
    rounds: string
    docs?: boolean
    profile?: boolean
    device: string
    gpuBandwidth: number
    gpuFlops: number
    gpuDispatch: number
    gpuCache: number
  }>()

const threads = availableParallelism()

interface Side {
  name: string
  peer: Peer
  settings: object
}

// A machine that does other work gives figures that mean little: its user should know before and after.
const BUSY = 0.5
const [load] = loadavg()
if (load > BUSY)
  console.log(`This machine is busy (load ${load.toFixed(1)}): expect figures that spread, and measure again later.`)

if (options.device === 'webgpu') {
  const { gpuBandwidth: bandwidth, gpuFlops: flops, gpuDispatch: dispatch, gpuCache: cache } = options
  await benchGpu({ bandwidth, flops, dispatch, cache }, Number(options.rounds), options.quick === true)
  process.exit()
}

const [major, ...others] = options.nodes?.split(',') ?? []
const unrolled = (await startUnrolled(nodeBinary(major)))!
/** This library under other Nodes, and another version of it, by what is added to the names of its sides. */
const variants = new Map<string, Peer>()
for (const other of others) variants.set(`@${other}`, (await startUnrolled(nodeBinary(other)))!)
if (options.against) {
  const before = await startUnrolled(nodeBinary(major), path.resolve(options.against))
  if (!before) throw new Error(`${options.against}: expected a checkout with node_modules, after npm run build`)
  variants.set('@before', before)
}
const torch = await startTorch()
const currentTorch = await startCurrentTorch()
const jax = await startJax()
const tensorFlow = await startTensorFlow()
const oneDnn = await startOneDnn()
if (!torch) console.log('PyTorch was not found (Debian: apt-get install python3-torch libopenblas0-pthread)')
const install = 'python3 -m venv bench/python && bench/python/bin/pip install'
if (!currentTorch) console.log(`The current PyTorch was not found (${install} torch numpy)`)
if (!jax) console.log(`JAX was not found (${install} jax)`)
if (!oneDnn) console.log('oneDNN was not found (Debian: apt-get install libdnnl-dev g++)')
if (!tensorFlow) console.log('TensorFlow.js was not found (npm install --prefix bench/tfjs)')

if (options.profile) {
  for (const one of casesOf(true).filter(({ job }) => job === 'train')) {
    for (const n of new Set([threads, 1])) {
      const ms = await unrolled.ask({ ...one, job: 'profile', steps: numSteps, set: 'wasm', threads: n })
      console.log(profileRow(one, n, ms as unknown as Record<string, number>))
    }
  }
  process.exit()
}

function sidesOf({ job, batch, hidden, layers }: Case): Side[] {
  const sides: Side[] = []
  const counts = [...new Set([threads, 1])]
  // Our side runs on a single thread only in cases that compare it with two.
  const ours = job === 'train' && (batch === 1 || (batch === 32 && layers === 1)) ? counts : [threads]
  for (const set of ['wasm', 'blas']) {
    for (const n of ours) {
      const settings = { set, threads: n }
      sides.push({ name: `${set}/${n}`, peer: unrolled, settings })
      // In turn with the side that it is compared with.
      for (const [at, peer] of variants) sides.push({ name: `${set}/${n}${at}`, peer, settings })
    }
  }
  if (torch) {
    for (const n of counts) sides.push({ name: `torch/${n}`, peer: torch, settings: { threads: n } })
  }
  if (currentTorch) {
    for (const n of counts) sides.push({ name: `current/${n}`, peer: currentTorch, settings: { threads: n } })
  }
  // JAX chooses its threads itself.
  if (jax) sides.push({ name: 'jax', peer: jax, settings: {} })
  // This side has neither a linear output nor a loss, clipping and an optimizer: it is what the layer alone could take.
  if (oneDnn && job === 'train' && layers === 1) {
    for (const n of counts) sides.push({ name: `onednn/${n}`, peer: oneDnn, settings: { threads: n } })
  }
  // Larger steps of TensorFlow.js take from seconds to minutes.
  if (tensorFlow && job === 'train' && batch === 32 && hidden <= 256 && layers === 1) {
    sides.push({ name: 'tfjs', peer: tensorFlow, settings: {} })
  }
  return sides
}

async function measure(one: Case): Promise<Measured> {
  const { job, cell, hidden, batch, layers } = one
  const steps = job === 'train' ? { steps: numSteps } : {}
  const all = Number(options.rounds)
  const count = job === 'train' ? 1 : batch === 1 ? 1000 : 100
  const sides = sidesOf(one)
  const times = new Map<string, number[]>(sides.map(({ name }) => [name, []]))
  const rounds = job === 'train' && trainingOperations(one) > 20e9 ? Math.min(3, all) : all
  for (let round = 0; round < rounds; round++) {
    for (const { name, peer, settings } of sides) {
      const slow = name === 'tfjs'
      if (slow && round >= 3) continue
      const ms = await peer.ask({ job, cell, hidden, batch, layers, ...steps, ...settings, count: slow ? 1 : count })
      if (ms !== null) times.get(name)!.push(ms)
      // The threads of a BLAS spin for a while after their work; the next side must not pay for it.
      await setTimeout(50)
    }
  }
  const ms: Measured['ms'] = {}
  for (const [name, values] of times) if (values.length > 0) ms[name] = spreadOf(values)
  return { ...one, ms }
}

const peak = await unrolled.ask({ job: 'limit', what: 'multiplyAdds', threads })
const product = await unrolled.ask({ job: 'limit', what: 'product', threads })
const report: Report = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus()[0].model.trim()}, ${threads} cores`,
  threads,
  load,
  versions: [
    unrolled.version,
    ...[...variants.values()].map(({ version }) => version),
    torch?.version,
    currentTorch?.version,
    jax?.version,
    oneDnn?.version,
    tensorFlow?.version,
  ].filter((version) => version !== undefined),
  peak,
  product,
  results: [],
}
console.log(`${report.machine}; ${report.versions.join('; ')}`)
console.log(
  `at full load on ${threads} threads: multiply-adds alone in WebAssembly ${peak?.toFixed(0)} GFLOPS, products of large matrices in the BLAS ${product?.toFixed(0) ?? '–'} GFLOPS`,
)
for (const one of casesOf(options.quick === true)) {
  if (options.only && one.job !== options.only) continue
  const measured = await measure(one)
  report.results.push(measured)
  console.log(row(measured, report))
  for (const line of comparisons(measured, [...variants.keys()])) console.log(`  ${line}`)
}
console.log(noisy(report))
const folder = 'bench/results'
mkdirSync(folder, { recursive: true })
const file = `${folder}/${report.date}-node${report.versions[0].split(/v|\./)[1]}.json`
writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`)
console.log(`written: ${file}`)
if (options.docs) console.log(`written: ${(await writeDocs(report)).join(', ')}`)
process.exit()

// Measures how fast this library trains and generates, compared with PyTorch and TensorFlow.js on the same machine in
// the same run. All sides take turns; figures are medians of several rounds. npm run bench -- [--quick] [--node 24]
// [--only train] [--rounds 5] [--docs]
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import { type Case, casesOf, numSteps, trainingOperations } from './cases.js'
import { nodeBinary, type Peer, startTensorFlow, startTorch, startUnrolled } from './peers.js'
import { type Measured, type Report, row, writeDocs } from './report.js'

const options = new Command('bench')
  .option('--quick', 'batch 32, one layer, 256 and 1024 hidden units')
  .option('--node <major>', 'run this library under another Node, from the npm package node')
  .option('--only <job>', 'train or generate')
  .option('--rounds <n>', 'turns of each side', '5')
  .option('--docs', 'write docs/performance.md and its plots from the figures')
  .parse()
  .opts<{ quick?: boolean; node?: string; only?: string; rounds: string; docs?: boolean }>()

const threads = availableParallelism()
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]

interface Side {
  name: string
  peer: Peer
  settings: object
}

const unrolled = (await startUnrolled(nodeBinary(options.node)))!
const torch = await startTorch()
const tensorFlow = await startTensorFlow()
if (!torch) console.log('PyTorch was not found (Debian: apt-get install python3-torch libopenblas0-pthread)')
if (!tensorFlow) console.log('TensorFlow.js was not found (npm install --prefix bench/tfjs)')

function sidesOf({ job, batch, hidden, layers }: Case): Side[] {
  const sides: Side[] = []
  const counts = [...new Set([threads, 1])]
  // Our side runs on a single thread only in cases that compare it with two.
  const ours = job === 'train' && batch === 32 && layers === 1 ? counts : [threads]
  for (const set of ['wasm', 'blas']) {
    for (const n of ours) sides.push({ name: `${set}/${n}`, peer: unrolled, settings: { set, threads: n } })
  }
  if (torch) {
    for (const n of counts) sides.push({ name: `torch/${n}`, peer: torch, settings: { threads: n } })
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
  const ms: Record<string, number> = {}
  for (const [name, values] of times) if (values.length > 0) ms[name] = median(values)
  return { ...one, ms }
}

const peak = await unrolled.ask({ job: 'limit', what: 'multiplyAdds', threads })
const product = await unrolled.ask({ job: 'limit', what: 'product', threads })
const report: Report = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus()[0].model.trim()}, ${threads} cores`,
  threads,
  versions: [unrolled.version, torch?.version, tensorFlow?.version].filter((version) => version !== undefined),
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
}
const folder = 'bench/results'
mkdirSync(folder, { recursive: true })
const file = `${folder}/${report.date}-node${report.versions[0].split(/v|\./)[1]}.json`
writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`)
console.log(`written: ${file}`)
if (options.docs) console.log(`written: ${(await writeDocs(report)).join(', ')}`)
process.exit()

// Compares training in a worker of a page with Node, in turn, and measures whether the page stays responsive:
// `npm run bench:browser`. Needs Chromium; see test/browser/chromium.ts.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { bundle, launch, outcomeOf, serve } from '../test/browser/chromium.js'

const { rounds, steps } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, steps: { type: 'string', default: '400' } },
}).values

/** Tokens a second of the book's RNN: 256 units, 32 × 35 tokens a step. */
const program = `
import { Generator, manualSeed, RNN, RNNModel, SequenceData, SGD, trainSteps, useKernels, wasmKernels } from './dist/index.js'

export async function speed() {
  useKernels(wasmKernels())
  manualSeed(1)
  const generator = new Generator(1)
  const corpus = Uint8Array.from({ length: ${steps} * 32 * 35 + 40 }, () => generator.integer(28))
  const data = new SequenceData(corpus, { batchSize: 32, numSteps: 35 })
  const model = new RNNModel(new RNN({ inputSize: 28, hiddenSize: 256 }), 28)
  let tokens = 0
  for await (const event of trainSteps(model, data, { lr: 0.1, epochs: 1 })) {
    if (event.type === 'epoch') tokens = event.tokensPerSecond
  }
  return tokens
}
`
const page = `
const gaps = []
let last
const frame = (now) => {
  if (last !== undefined) gaps.push(now - last)
  last = now
  requestAnimationFrame(frame)
}
requestAnimationFrame(frame)
globalThis.outcome = new Promise((resolve, reject) => {
  const worker = new Worker('/worker.js', { type: 'module' })
  worker.onmessage = ({ data }) => resolve({ tokens: data, frames: gaps.length, longest: Math.max(...gaps) })
  worker.onerror = ({ message }) => reject(new Error(message))
})`

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

function inNode(): number {
  const script = `${program}console.log(await speed())`.replace('./dist/', `${process.cwd()}/dist/`)
  return Number(spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stdout)
}

const server = await serve({ '/page.js': page, '/worker.js': await bundle(`${program}speed().then(postMessage)`) })
const browser = await launch()
const [node, chromium, longest]: number[][] = [[], [], []]
let frames = 0
for (let round = 0; round < Number(rounds); round++) {
  node.push(inNode())
  const tab = await browser.newPage()
  await tab.goto(server.url)
  const seen = await outcomeOf<{ tokens: number; frames: number; longest: number }>(tab)
  await tab.close()
  chromium.push(seen.tokens)
  longest.push(seen.longest)
  frames += seen.frames
}
await browser.close()
server.close()
const per = (values: number[]) => `${Math.round(median(values))} tokens/s`
console.log(`Node ${process.versions.node}: ${per(node)}; Chromium, in a worker: ${per(chromium)}`)
console.log(`ratio, median of ${rounds}: ${median(node.map((speed, i) => chromium[i] / speed)).toFixed(2)}`)
console.log(`longest time between two of ${frames} frames of the page: ${Math.max(...longest).toFixed(1)} ms`)

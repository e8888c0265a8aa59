// Compares a Trainer in a worker of a page with a run in Node, in turn, and measures whether the page stays responsive:
// `npm run bench:browser`. Needs Chromium; see test/browser/chromium.ts.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { bundle, launch, outcomeOf, serve } from '../test/browser/chromium.js'

const { rounds, steps } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, steps: { type: 'string', default: '400' } },
}).values

/** The book's RNN on random letters: 256 units, 32 × 35 tokens a step. Both sides say how many tokens a second the last of two epochs had. */
const shared = `
const text = Array.from({ length: ${steps} * 32 * 35 + 40 }, (_, i) => 'abcdefghijklmnopqrstuvwxyz '[(i * 7919 + (i >> 3) * 104729) % 27]).join('')
const options = { lr: 0.1, epochs: 2, kernels: 'wasm' }
`
const program = `
import { MemoryStore, startRun, textSource } from '${process.cwd()}/dist/node.js'
${shared}
const run = await startRun(new MemoryStore(), textSource(text), options)
for await (const event of run.events()) if (event.type === 'done') console.log(event.tokensPerSecond)
`
const page = `
import { savedRuns, Trainer } from './dist/browser.js'
${shared}
const gaps = []
let last
const frame = (now) => {
  if (last !== undefined) gaps.push(now - last)
  last = now
  requestAnimationFrame(frame)
}
const train = async () => {
  await savedRuns.remove('bench')
  requestAnimationFrame(frame)
  // The page itself has to be loaded first.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  gaps.length = 0
  const trainer = await Trainer.start('bench', text, options)
  let tokens = 0
  for await (const event of trainer.events()) if (event.type === 'done') tokens = event.tokensPerSecond
  return { tokens, frames: gaps.length, longest: Math.max(...gaps) }
}
globalThis.outcome = train()`

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

function inNode(): number {
  return Number(spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).stdout)
}

const server = await serve({
  '/page.js': await bundle(page),
  '/trainer-worker.js': readFileSync('dist/browser/trainer-worker.js'),
})
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

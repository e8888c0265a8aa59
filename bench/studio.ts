// Compares a training in the studio's page with the same run in Node, in turn, and counts the frames of the page while it
// trains, in the view of the training and in the one that looks inside: `npm run bench:studio`. Node trains with the kernels
// that it chooses, which may be a BLAS of the system, and with those of the page. A further `--folder` is another build of the
// page, which takes its turn, too. Needs Chromium; see test/browser/chromium.ts.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright'
import { serveStudio } from '../src/node.js'
import { launch } from '../test/browser/chromium.js'

const { rounds, node, folder, hidden, seconds } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    node: { type: 'string', default: process.execPath },
    folder: { type: 'string', multiple: true, default: ['dist/studio'] },
    hidden: { type: 'string', default: '128' },
    // Less would hold no look into the model on a busy machine, where the page rests long after each.
    seconds: { type: 'string', default: '20' },
  },
}).values

/** What both sides train: what the studio begins with, on Moby Dick. */
const options = {
  cell: 'lstm',
  hiddenSize: Number(hidden),
  optimizer: 'adam',
  lr: 0.01,
  maxTokens: 50_000,
  epochs: 12,
}
const both = { ...options, clean: true, validation: 0.05, checkpointMinutes: 0.05 }

const program = (kernels: string) => `
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { FolderStore, startRun, textSource } from '${process.cwd()}/dist/node.js'
import { readMobyDick } from '${process.cwd()}/dist/node/time-machine.js'
const text = await readMobyDick()
const store = new FolderStore(mkdtempSync(path.join(tmpdir(), 'unrolled-bench-')))
const run = await startRun(store, textSource(text), ${JSON.stringify({ ...both, kernels })})
const speeds = []
for await (const event of run.events()) if (event.type === 'epoch') speeds.push(event.tokensPerSecond)
await run.close()
console.log(JSON.stringify({ device: run.device.name, speeds: speeds.slice(1) }))
`

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const share = (values: number[], part: number) => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]

/** What Node trains with: what it chooses by itself, and what the page has. */
const KERNELS = ['auto', 'wasm']

/** A training in Node: the name of its kernels, and tokens a second of its epochs but the first. */
interface InNode {
  device: string
  speeds: number[]
}

function inNode(kernels: string): InNode {
  const { stdout, stderr } = spawnSync(node, ['--input-type=module', '-e', program(kernels)], { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

/** Notes the milliseconds between the frames of a page from now on. A text, because tsx adds helpers to functions with names. */
const countFrames = `{
  globalThis.gaps = []
  let last = performance.now()
  const frame = (now) => {
    gaps.push(now - last)
    last = now
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
}`

const browser = await launch()

/** Frames and speeds in a view. */
interface Seen {
  /** Milliseconds between two frames. */
  gaps: number[]
  /** Tokens a second of each epoch. */
  speeds: number[]
  /** Milliseconds of a processor that the longest task of the page's thread took, whatever else the machine did. */
  longest: number
}

/** Opens a view of the page, and measures for some seconds. */
async function look(tab: Page, url: string, view: string): Promise<Seen> {
  await tab.goto(`${url}#/${view}`)
  if (view === 'inside') await tab.getByRole('img', { name: 'Singular values' }).waitFor()
  // Others fetch nothing more, either, and what was fetched is drawn.
  await tab.waitForTimeout(1000)
  const before = (await speedsOf(tab)).length
  await tab.evaluate(countFrames)
  await tab.waitForTimeout(1000 * Number(seconds))
  // The first epoch had begun before; on a busy machine one takes longer than that.
  let speeds: number[] = []
  while (speeds.length === 0) {
    await tab.waitForTimeout(500)
    speeds = (await speedsOf(tab)).slice(before + 1)
  }
  const gaps = await tab.evaluate(() => (globalThis as unknown as { gaps: number[] }).gaps)
  await browser.startTracing(tab, { categories: ['toplevel', '__metadata'] })
  await tab.waitForTimeout(1000 * Number(seconds))
  return { gaps, speeds, longest: longestTask(JSON.parse((await browser.stopTracing()).toString())) }
}

/** An event of a trace; `tdur` are the microseconds of a processor that it took. */
interface Traced {
  name: string
  pid: number
  tid: number
  tdur?: number
  args?: { name?: string }
}

function longestTask({ traceEvents }: { traceEvents: readonly Traced[] }): number {
  const pages = traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
  const ofPages = traceEvents.filter(({ pid, tid }) => pages.some((page) => page.pid === pid && page.tid === tid))
  return Math.max(...ofPages.map(({ tdur = 0 }) => tdur / 1000))
}

/** Tokens a second of all epochs so far, as the history of the page's only run tells them. */
const speedsOf = (tab: Page): Promise<number[]> =>
  tab.evaluate(async () => {
    let folder = await navigator.storage.getDirectory()
    for (const name of ['unrolled', 'runs']) folder = await folder.getDirectoryHandle(name)
    for await (const [name] of folder as unknown as AsyncIterable<[string]>)
      folder = await folder.getDirectoryHandle(name)
    const text = await (await (await folder.getFileHandle('history.jsonl')).getFile()).text()
    return text
      .split('\n')
      .filter((line) => line.includes('"epoch"') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as { type: string; tokensPerSecond: number })
      .filter(({ type }) => type === 'epoch')
      .map(({ tokensPerSecond }) => tokensPerSecond)
  })

const VIEWS = ['train', 'inside']

async function inPage(url: string): Promise<Seen[]> {
  const context = await browser.newContext({ locale: 'en-US', serviceWorkers: 'block' })
  const tab = await context.newPage()
  await tab.goto(`${url}#/train?${new URLSearchParams({ epochs: '100000', hiddenSize: hidden })}`)
  await tab.getByRole('button', { name: 'Start training' }).click()
  await tab.getByText(/^epoch/).waitFor()
  const seen: Seen[] = []
  for (const view of VIEWS) seen.push(await look(tab, url, view))
  await context.close()
  return seen
}

/** By the kernels and the round. */
const nodes: InNode[][] = KERNELS.map(() => [])
/** By folder, round and view. */
const pages: Seen[][][] = folder.map(() => [])
for (let round = 0; round < Number(rounds); round++) {
  for (const [k, kernels] of KERNELS.entries()) nodes[k].push(inNode(kernels))
  for (const [i, one] of folder.entries()) {
    const studio = await serveStudio({ folder: one, port: 0 })
    pages[i].push(await inPage(studio.url))
    await studio.close()
  }
}
await browser.close()
const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
const speedOf = ({ speeds }: Pick<InNode, 'speeds'>) => median(speeds)
const inNodes = nodes.map((runs) => `${Math.round(median(runs.map(speedOf)))} tokens/s with ${runs[0].device}`)
console.log(`Medians of ${rounds}. Node ${version}: ${inNodes.join(', ')}`)
folder.forEach((one, i) => {
  VIEWS.forEach((view, v) => {
    const seen = pages[i].map((views) => views[v])
    const of = (figure: (one: Seen) => number, digits = 1) => median(seen.map(figure)).toFixed(digits)
    const rate = of(({ gaps }) => (1000 * gaps.length) / gaps.reduce((sum, gap) => sum + gap, 0))
    const late = of(({ gaps }) => share(gaps, 0.99))
    const ratios = nodes.map((runs) => {
      const each = runs.map((run, round) => speedOf(seen[round]) / speedOf(run))
      return `${median(each).toFixed(2)} of Node with ${runs[0].device} (${each.map((ratio) => ratio.toFixed(2)).join(', ')})`
    })
    console.log(
      `${one}, ${view}: ${rate} frames a second; between two, 99 % take up to ${late} ms, the longest ${of(({ gaps }) => Math.max(...gaps))} ms; the longest task ${of(({ longest }) => longest)} ms of a processor; ${of(speedOf, 0)} tokens/s, ${ratios.join(', ')}`,
    )
  })
})

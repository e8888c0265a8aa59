// Compares a training in the studio's page with the same run in Node, in turn, and counts the frames of the page in the view
// of the training and in the one that looks inside: `npm run bench:studio`. `--folder` names another build of the page, to be
// compared with this one in turn; `--hidden` the size of the model. Needs Chromium; see test/browser/chromium.ts.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { serveStudio } from '../src/node.js'
import { launch } from '../test/browser/chromium.js'

const { rounds, epochs, node, views, folder, hidden } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    epochs: { type: 'string', default: '6' },
    node: { type: 'string', default: process.execPath },
    views: { type: 'string', default: 'train,inside' },
    folder: { type: 'string', multiple: true, default: ['dist/studio'] },
    hidden: { type: 'string', default: '128' },
  },
}).values

/** What both sides train: what the studio begins with, on Moby Dick. */
const options = {
  cell: 'lstm',
  hiddenSize: Number(hidden),
  optimizer: 'adam',
  lr: 0.01,
  maxTokens: 50_000,
  epochs: Number(epochs),
}
const both = { ...options, clean: true, validation: 0.05, checkpointMinutes: 0.05 }

const program = `
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { FolderStore, startRun, textSource } from '${process.cwd()}/dist/node.js'
import { readMobyDick } from '${process.cwd()}/dist/node/time-machine.js'
const text = await readMobyDick()
const store = new FolderStore(mkdtempSync(path.join(tmpdir(), 'unrolled-bench-')))
const run = await startRun(store, textSource(text), ${JSON.stringify(both)})
for await (const event of run.events()) if (event.type === 'done') console.log(event.tokensPerSecond)
await run.close()
`

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const share = (values: number[], part: number) => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]

/** Tokens a second of the last epoch. */
function inNode(): number {
  const { stdout, stderr } = spawnSync(node, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return Number(stdout)
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

/** Trains in a page that shows a view from the first epoch to the end: tokens a second of the last epoch, and the frames. */
async function inPage(url: string, view: string): Promise<{ speed: number; gaps: number[] }> {
  const context = await browser.newContext({ locale: 'en-US', serviceWorkers: 'block' })
  const tab = await context.newPage()
  await tab.goto(`${url}#/train?${new URLSearchParams({ epochs, hiddenSize: hidden })}`)
  await tab.getByRole('button', { name: 'Start training' }).click()
  await tab.getByText(/^epoch/).waitFor()
  await tab.goto(`${url}#/${view}`)
  if (view === 'inside') await tab.getByRole('img', { name: 'Singular values' }).waitFor()
  await tab.evaluate(countFrames)
  const isOver = async () => {
    const locks = await tab.evaluate(() => navigator.locks.query())
    return !locks.held?.some(({ name }) => name?.startsWith('unrolled'))
  }
  // The last epoch, as the run's history tells it.
  const speed = await tab.evaluate(async () => {
    let folder = await navigator.storage.getDirectory()
    for (const name of ['unrolled', 'runs']) folder = await folder.getDirectoryHandle(name)
    for await (const [name] of folder as unknown as AsyncIterable<[string]>)
      folder = await folder.getDirectoryHandle(name)
    const text = await (await (await folder.getFileHandle('history.jsonl')).getFile()).text()
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; tokensPerSecond: number })
    return events.findLast(({ type }) => type === 'epoch')!.tokensPerSecond
  })
  await context.close()
  return { speed, gaps }
}

const [nodes, pages, gaps]: number[][] = [[], [], []]
for (let round = 0; round < Number(rounds); round++) {
  nodes.push(inNode())
  const seen = await inPage()
  pages.push(seen.speed)
  gaps.push(...seen.gaps)
}
await browser.close()
await studio.close()
const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
const ratios = nodes.map((speed, i) => pages[i] / speed)
console.log(`Node ${version}: ${Math.round(median(nodes))} tokens/s; the studio: ${Math.round(median(pages))} tokens/s`)
console.log(
  `ratio, median of ${rounds}: ${median(ratios).toFixed(2)} (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')})`,
)
const rate = (1000 * gaps.length) / gaps.reduce((sum, gap) => sum + gap, 0)
console.log(
  `${gaps.length} frames in the view ${view}: ${rate.toFixed(1)} a second; between two, 99 % take up to ${share(gaps, 0.99).toFixed(1)} ms, the longest ${Math.max(...gaps).toFixed(1)} ms`,
)

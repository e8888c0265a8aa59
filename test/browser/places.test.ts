import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Browser } from 'playwright'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bundle, type Files, outcomeOf, type Serving, serve, sharedBrowser } from './chromium.js'
import { chromium } from './path.js'
import { watchedTab } from './tab.js'
import { training } from './training.js'

// One program runs in every kind of page and worker. The tests need the dist/ that `npm test` builds.

interface Outcome {
  bits: Record<string, number>
  threads: number
  kernels: string
}

const program = `${training}\n`
const inPage = `${program}globalThis.outcome = bitsOfTraining()`
const inWorker = `
globalThis.outcome = new Promise((resolve, reject) => {
  const worker = new Worker('/worker.js', { type: 'module' })
  worker.onmessage = ({ data }) => resolve(data)
  worker.onerror = ({ message }) => reject(new Error(message))
})`
const worker = `${program}bitsOfTraining().then(postMessage)`

/** Runs the same program in Node. */
function inNode(): Outcome {
  const script = `${program}console.log(JSON.stringify(await bitsOfTraining()))`.replace(
    './dist/',
    `${process.cwd()}/dist/`,
  )
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

describe.skipIf(!existsSync(chromium))(`in Chromium (skipped where there is no ${chromium})`, () => {
  let browser: Browser
  let files: Files
  let expected: Outcome
  let server: Server | undefined
  beforeAll(async () => {
    browser = await sharedBrowser()
    files = { '/worker.js': await bundle(worker) }
    expected = inNode()
  })
  afterEach(() => void server?.close())

  /** The outcome of the program in a page, and the warnings on its console. */
  async function run(page: string, serving: Serving): Promise<Outcome & { warnings: string[] }> {
    const served = await serve({ ...files, '/page.js': await bundle(page) }, serving)
    server = served
    const { tab } = await watchedTab(browser)
    const warnings: string[] = []
    tab.on('console', (message) => warnings.push(message.text()))
    tab.on('pageerror', (error) => warnings.push(error.message))
    await tab.goto(served.url)
    const outcome = await outcomeOf<Outcome>(tab)
    await tab.close()
    return { ...outcome, warnings }
  }

  const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:"

  test('in Node the program uses two threads, and the cells differ', () => {
    expect(expected).toMatchObject({ threads: 2, kernels: 'wasm-simd' })
    expect(new Set(Object.values(expected.bits)).size).toBe(3)
  })

  test.each<[string, string, Serving, number]>([
    ['a page', inPage, { isolated: false }, 1],
    ['a page that is isolated from other origins', inPage, {}, 1],
    ['a module worker with shared memory', inWorker, {}, 2],
    ['a module worker without shared memory', inWorker, { isolated: false }, 1],
    ['a page under a content security policy', inPage, { policy }, 1],
    ['a module worker under a content security policy', inWorker, { policy }, 2],
  ])('%s: the same bits as in Node', async (_name, page, serving, threads) => {
    expect(await run(page, serving)).toEqual({ ...expected, threads, warnings: [] })
  })

  test('if the policy forbids workers from blobs: the same bits as in Node, and a warning that says what to allow', async () => {
    const { warnings, bits } = await run(inWorker, { policy: policy.replace(' blob:', '') })
    expect(bits).toEqual(expected.bits)
    expect(warnings.join('\n')).toContain('kernels: 1 of 2 threads do the work')
    expect(warnings.join('\n')).toContain('worker-src')
  })
})

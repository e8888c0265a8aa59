import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { RunEvent } from '../../src/index.js'
import { bundle, serve } from './chromium.js'
import { type DrivenPage, drivenPage } from './devtools.js'
import { chromium } from './path.js'

// A training in a worker whose page is hidden, and one whose GPU is lost. Needs the dist/ that `npm test` builds.

const page = `
import { Trainer } from './dist/browser.js'
const text = 'she sells sea shells by the sea shore '.repeat(160)
const sizes = { hiddenSize: 8, batchSize: 8, numSteps: 12, checkpointSteps: 10 }
globalThis.begin = async (name, options) => {
  globalThis.trainer = await Trainer.start(name, text, { ...sizes, ...options })
  globalThis.events = []
  globalThis.over = (async () => {
    for await (const event of trainer.events()) events.push(event)
  })()
  return trainer.facts.device
}
globalThis.step = () => events.findLast(({ type }) => type === 'step')?.step ?? 0
globalThis.ready = true`

describe.skipIf(!existsSync(chromium))(`in Chromium (skipped where there is no ${chromium})`, () => {
  let server: Server & { url: string }
  let tab: DrivenPage
  beforeAll(async () => {
    const worker = await readFile('dist/browser/trainer-worker.js')
    server = await serve({ '/page.js': await bundle(page), '/trainer-worker.js': worker })
    tab = await drivenPage(server.url)
    await vi.waitFor(async () => expect(await tab.evaluate('globalThis.ready')).toBe(true), { timeout: 1_000_000 })
  })
  afterAll(async () => {
    await tab?.close()
    server?.close()
  })
  const seen = (expression: string) =>
    vi.waitFor(async () => expect(await tab.evaluate(expression)).toBe(true), { timeout: 1_000_000 })

  test.each(['cpu', 'webgpu'])('a training on %s goes on while its page is hidden', async (device) => {
    await tab.evaluate(`begin('hidden ${device}', { device: '${device}', epochs: 1_000_000 })`)
    await seen('step() > 10')
    const { targetId } = await tab.send('Target.createTarget', { url: 'about:blank' })
    await seen(`document.visibilityState === 'hidden'`)
    const before = (await tab.evaluate('step()')) as number
    await seen(`step() > ${before} + 40 && document.visibilityState === 'hidden'`)
    await tab.send('Target.closeTarget', { targetId })
    await tab.evaluate('trainer.close()')
  })

  // The last test: after a few crashes Chromium keeps WebGPU from the page.
  test('a training whose GPU breaks down goes on from its last checkpoint on a GPU, then on the CPU', async () => {
    expect(await tab.evaluate(`begin('lost', { device: 'webgpu', epochs: 3 })`)).toMatch(/^webgpu/)
    for (const step of [25, 75]) {
      await seen(`step() > ${step}`)
      await tab.send('Browser.crashGpuProcess')
    }
    await tab.evaluate('over')
    const events = (await tab.evaluate('events')) as RunEvent[]
    const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
    expect(warnings).toEqual([
      expect.stringMatching(/^the GPU .* was lost: .*; .* a training goes on from its last checkpoint$/),
      expect.stringMatching(/^the training goes on after step \d+ on webgpu \(/),
      expect.stringMatching(/^the GPU .* was lost/),
      expect.stringMatching(/^the training goes on after step \d+ on wasm-/),
    ])
    expect(await tab.evaluate('trainer.facts.device')).toMatch(/^wasm-/)
    expect(events.at(-1)).toMatchObject({ type: 'done', epochs: 3, saved: true, ended: 'epochs' })
    const epochs = events.flatMap((event) => (event.type === 'epoch' ? [event.epoch] : []))
    expect([...new Set(epochs)]).toEqual([1, 2, 3])
  })
})

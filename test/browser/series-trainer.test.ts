import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { Page } from 'playwright'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decodeForecaster, MemoryStore, type RunOptions, seriesSource, startSeriesRun } from '../../src/index.js'
import { bundle, serve, sharedBrowser } from './chromium.js'
import { chromium } from './path.js'
import { closeTabs, watchedTab } from './tab.js'

// A training on series in a worker of a page, kept in the browser's file system. Needs the dist/ that `npm test` builds.

const page = `
import * as U from './dist/browser.js'
globalThis.U = U
globalThis.told = (work) => work().then((value) => ({ value }), ({ name, message }) => ({ name, message }))
globalThis.numbersOf = ({ model }) => Object.values(model.stateDict()).flatMap(({ data }) => [...data])
globalThis.ready = true`

const days = Array.from({ length: 160 }, (_, i) => `${3 * (i % 7) + (i % 5)},${(i * 3) % 5}`)
const table = ['y,wind', ...days].join('\n')
const series = { target: 'y', features: ['wind'], window: 7, horizon: 2, validation: 0.2, test: 10, calendar: [] }
const options: Partial<RunOptions> = {
  ...{ cell: 'gru', hiddenSize: 12, numLayers: 2, dropout: 0.2, batchSize: 8, epochs: 6 },
  ...{ checkpointSteps: 1, kernels: 'wasm', threads: 2 },
}

describe.skipIf(!existsSync(chromium))(`in Chromium (skipped where there is no ${chromium})`, () => {
  let server: Server & { url: string }
  let tab: Page
  beforeEach(async () => {
    const worker = await readFile('dist/browser/trainer-worker.js')
    server = await serve({ '/page.js': await bundle(page), '/trainer-worker.js': worker })
    ;({ tab } = await watchedTab(await sharedBrowser()))
    await open()
  })
  afterEach(async () => {
    await closeTabs(tab)
    server.close()
  })

  const open = async () => {
    await tab.goto(server.url)
    await tab.waitForFunction('globalThis.ready')
  }
  /** What a function body gives in the page, or the error that it throws. */
  const told = (body: string): Promise<{ value?: never; name?: string; message?: string }> =>
    tab.evaluate(
      `told(async () => { const table = ${JSON.stringify(table)}, series = ${JSON.stringify(series)}, options = ${JSON.stringify(options)}; ${body} })`,
    )

  /** The parameters after a training that was not interrupted, in Node. */
  async function inNode(): Promise<number[]> {
    const store = new MemoryStore()
    const run = await startSeriesRun(store, seriesSource(table, 'y.csv', series as never), options)
    for await (const _ of run.events());
    await run.close()
    const { model } = await decodeForecaster(Object.fromEntries(store.files) as never, 'y')
    return Object.values(model.stateDict()).flatMap(({ data }) => [...data])
  }

  test('after a reload in the middle, a training on series goes on to the bits of one in Node that was not stopped', async () => {
    const begun = await told(`
      const file = new File([table], 'y.csv')
      const trainer = await U.SeriesTrainer.start('days', file, series, options)
      const { source, series: read, batches, batchItems } = trainer.facts
      for await (const event of trainer.events()) if (event.type === 'epoch' && event.epoch === 3) break
      return { source, read, batches, batchItems }`)
    expect(begun).toMatchObject({
      value: { source: 'y.csv', read: { ...series, target: ['y'], gaps: 'refuse' }, batchItems: 16 },
    })
    await open()
    const { value } = await told(`
      const unfinished = await U.runForecaster(new U.OpfsStore('days'))
      const trainer = await U.SeriesTrainer.resume('days')
      const { step, source } = trainer.facts
      for await (const _ of trainer.events());
      const live = await trainer.forecaster()
      trainer.close()
      const saved = await U.runForecaster(new U.OpfsStore('days'))
      return {
        goesOn: step > 0, source, numbers: numbersOf(saved), intervals: [unfinished, saved, live].map(({ intervals }) => !!intervals),
        runs: await U.savedRuns.names(), kind: await U.runKindIn(new U.OpfsStore('days')),
      }`)
    expect(value).toEqual({
      ...{ goesOn: true, source: 'y.csv', numbers: await inNode(), intervals: [false, true, true] },
      ...{ runs: ['days'], kind: 'series' },
    })
  })

  test('a training begins with a saved model, and keeps what that knows of its tables', async () => {
    const { value } = await told(`
      const play = async (trainer) => {
        for await (const _ of trainer.events());
        trainer.close()
      }
      await play(await U.SeriesTrainer.start('days', table, series, options))
      const model = await U.runForecaster(new U.OpfsStore('days'))
      const more = { ...options, epochs: 1, lr: 0, hiddenSize: undefined }
      const trainer = await U.SeriesTrainer.start('more', table, { target: 'y', validation: 0.3 }, more, { model })
      const { window, horizon, validation } = trainer.facts.series
      await play(trainer)
      const second = await U.runForecaster(new U.OpfsStore('more'))
      return { window, horizon, validation, numbers: [model, second].map(numbersOf) }`)
    const numbers = await inNode()
    expect(value).toEqual({
      window: series.window,
      horizon: series.horizon,
      validation: 0.3,
      numbers: [numbers, numbers],
    })
  })

  test.each([
    [
      `await U.SeriesTrainer.start('x', 'y,wind\\n1,2\\nmany,3', series)`,
      /row 3, column y is "many", expected a number/,
    ],
    [`await U.SeriesTrainer.start('x', new Blob([new Uint8Array([255, 192, 0])]), series)`, /are not utf-8 text/],
    [`await U.SeriesTrainer.start('x', 3, series)`, /^SeriesTrainer.start: the table is the number 3/],
    [`await U.SeriesTrainer.start('x', table, { ...series, horizen: 2 })`, /did you mean horizon/],
    [`await U.SeriesTrainer.start('x', table, series, { numSteps: 3 })`, /numSteps has no effect/],
    [`await U.SeriesTrainer.start('x', table, series, {}, { model: {} })`, /the model is undefined, expected a Series/],
    [`await U.SeriesTrainer.resume('never')`, /^never: the run has no saved table, expected one/],
  ])('%s is refused', async (body, message) => {
    expect((await told(body)).message).toMatch(message)
    expect(await told('return U.savedRuns.names()')).toEqual({ value: [] })
  })
})

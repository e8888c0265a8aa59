import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { Browser, Page } from 'playwright'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MemoryStore, type RunOptions, runModel, startRun, textSource } from '../../src/index.js'
import { bundle, type Files, serve, sharedBrowser } from './chromium.js'
import { chromium } from './path.js'
import { closeTabs, watchedTab } from './tab.js'

// A training in a worker of a page, kept in the browser's file system. Needs the dist/ that `npm test` builds.

const page = `
import * as U from './dist/browser.js'
globalThis.U = U
globalThis.told = (work) => work().then((value) => ({ value }), (error) => ({
  name: error.name, message: error.message, ours: error instanceof U.UnrolledError, step: error.step,
}))
/** Bytes of parameters as one number. */
globalThis.bitsOf = (model) => {
  let hash = 2166136261
  for (const { data } of Object.values(model.stateDict())) {
    for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) hash = Math.imul(hash ^ byte, 16777619) >>> 0
  }
  return hash
}
globalThis.all = async (trainer, see = () => {}) => {
  const events = []
  for await (const event of trainer.events()) {
    events.push(event)
    await see(event)
  }
  return events
}
globalThis.ready = true`

const text = 'she sells sea shells by the sea shore '.repeat(20)
// Relaxed SIMD may differ in the last bits between engines: here both sides are Chromium's and Node's V8 on one machine.
const options: Partial<RunOptions> = {
  ...{ cell: 'gru', hiddenSize: 20, batchSize: 8, numSteps: 12, epochs: 6, optimizer: 'adam', lr: 0.01 },
  ...{ validation: 0.2, outputDropout: 0.1, checkpointSteps: 20, kernels: 'wasm', threads: 2 },
}

describe.skipIf(!existsSync(chromium))(`in Chromium (skipped where there is no ${chromium})`, () => {
  let browser: Browser
  let files: Files
  let server: Server & { url: string }
  let tab: Page
  let expected: { bits: number; losses: unknown[] }
  beforeAll(async () => {
    expected = await inNode()
    files = {
      '/page.js': await bundle(page),
      '/trainer-worker.js': await readFile('dist/browser/trainer-worker.js'),
    }
    browser = await sharedBrowser()
  })
  beforeEach(async () => {
    // On a port of its own, the page finds no runs of another test.
    server = await serve(files)
    ;({ tab } = await watchedTab(browser))
    await open(tab)
  })
  afterEach(async () => {
    await closeTabs(tab)
    server.close()
  })

  const open = async (tab: Page) => {
    await tab.goto(server.url)
    await tab.waitForFunction('globalThis.ready')
  }
  type Told = { value?: never; name?: string; message?: string; ours?: boolean; step?: number }
  /** What a function body gives in the page, or the error that it throws. */
  const told = (body: string, from = tab): Promise<Told> =>
    from.evaluate(
      `told(async () => { const text = ${JSON.stringify(text)}, options = ${JSON.stringify(options)}; ${body} })`,
    )

  async function inNode() {
    const store = new MemoryStore()
    const run = await startRun(store, textSource(text), options)
    const losses: unknown[] = []
    for await (const event of run.events()) if (event.type === 'epoch') losses.push(event.loss)
    await run.close()
    let bits = 2166136261
    for (const { data } of Object.values((await runModel(store)).model.stateDict())) {
      for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) {
        bits = Math.imul(bits ^ byte, 16777619) >>> 0
      }
    }
    return { bits, losses }
  }

  test('a training in the worker tells what one in Node tells, on threads, and keeps the same model', async () => {
    const { value, message } = await told(`
      const trainer = await U.Trainer.start('shells', text, options)
      const events = await all(trainer)
      const saved = await U.runModel(new U.OpfsStore('shells'))
      const { threads, sizes, options: { hiddenSize } } = trainer.facts
      trainer.close()
      return {
        losses: events.flatMap((event) => (event.type === 'epoch' ? [event.loss] : [])),
        last: events.at(-1).type, saved: events.at(-1).saved, bits: bitsOf(saved.model),
        runs: await U.savedRuns.names(), threads, hiddenSize, sizes: Object.keys(sizes),
        text: typeof (await U.predict('she', 5, saved.model, saved.vocab)),
      }`)
    expect(message).toBeUndefined()
    expect(value).toEqual({
      ...{ losses: expected.losses, bits: expected.bits, last: 'done', saved: true },
      ...{ runs: ['shells'], threads: 2, hiddenSize: 20, sizes: ['train', 'validation'], text: 'string' },
    })
  })

  test('after a reload in the middle it goes on to the same bits', async () => {
    const seen = await told(`
      const trainer = await U.Trainer.start('shells', text, { ...options, checkpointSteps: 1 })
      for await (const event of trainer.events()) {
        if (event.type !== 'epoch' || event.epoch !== 3) continue
        // A quick machine would end the training before the page is loaded again.
        trainer.pause()
        return event.step
      }`)
    expect(seen.value).toBeGreaterThan(0)
    await open(tab)
    const { value, message } = await told(`
      const trainer = await U.Trainer.resume('shells')
      const events = await all(trainer)
      const saved = await U.runModel(new U.OpfsStore('shells'))
      trainer.close()
      return { from: trainer.facts.step, notes: trainer.notes, bits: bitsOf(saved.model), last: events.at(-1).type }`)
    expect(message).toBeUndefined()
    const { from, ...rest } = value as unknown as { from: number }
    expect(from).toBeGreaterThanOrEqual(seen.value! - 1)
    expect(rest).toEqual({ notes: [`continuing after step ${from}`], bits: expected.bits, last: 'done' })
  })

  test('stops, pauses, answers in between, and a closed one says so', async () => {
    const { value, message } = await told(`
      const trainer = await U.Trainer.start('shells', text, { ...options, epochs: 5000 })
      const events = []
      let said, model, still
      for await (const event of trainer.events()) {
        events.push(event)
        if (event.type === 'epoch' && event.epoch === 2) {
          said = await trainer.predict('she sells', 10)
          model = bitsOf((await trainer.model()).model)
          trainer.pause()
          setTimeout(() => trainer.goOn(), 300)
        }
        if (event.type === 'epoch' && event.epoch === 6) void trainer.stop()
      }
      const done = events.at(-1)
      const after = await trainer.predict('she sells', 10)
      trainer.close()
      const closed = await told(() => trainer.predict('she', 1))
      return { said: said.length, model: typeof model, ended: done.ended, checkpoint: done.checkpoint, after: after.length, closed }`)
    expect(message).toBeUndefined()
    expect(value).toEqual({
      ...{ said: 19, model: 'number', ended: 'signal', checkpoint: 'shells', after: 19 },
      closed: { name: 'OptionError', ours: true, message: expect.stringMatching(/^Trainer: the trainer was closed/) },
    })
  })

  test('a pause is saved, so that a page that is closed during it loses nothing', async () => {
    const { value, message } = await told(`
      const trainer = await U.Trainer.start('paused', text, { ...options, epochs: 5000, checkpointSteps: 1e6 })
      let seen = 0
      const reading = (async () => {
        for await (const event of trainer.events()) {
          seen = Math.max(seen, event.step ?? 0)
          if (event.type === 'epoch' && event.epoch === 3) trainer.pause()
        }
      })().catch(() => undefined)
      const store = new U.OpfsStore('paused')
      const kept = async () => {
        const bytes = await store.read(U.CHECKPOINT, (file) => file.read(0, file.size))
        return bytes ? (await U.decodeCheckpoint(bytes)).progress.step : 0
      }
      let step = 0
      // The page hears of the last steps a little later than they are saved.
      for (let i = 0; i < 4000 && !(step > 0 && step === seen); i++) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        step = await kept()
      }
      trainer.close()
      await reading
      const resumed = await U.Trainer.resume('paused', {})
      resumed.close()
      return [seen > 0, resumed.facts.step - seen]`)
    expect(message).toBeUndefined()
    expect(value).toEqual([true, 0])
  })

  test('an aborted signal stops a training as stop does, and one that is being prepared', async () => {
    const { value, message } = await told(`
      const abort = new AbortController()
      const trainer = await U.Trainer.start('shells', text, { ...options, epochs: 5000 }, { signal: abort.signal, textName: 'sea shells' })
      let last
      for await (const event of trainer.events()) {
        last = event
        if (event.type === 'epoch' && event.epoch === 3) abort.abort()
      }
      trainer.close()
      const late = await told(() => U.Trainer.resume('shells', {}, { signal: abort.signal }))
      const during = new AbortController()
      const begun = told(() => U.Trainer.resume('shells', {}, { signal: during.signal }))
      during.abort(new U.OptionError('not now'))
      // It holds the run no more.
      const again = await begun.then(() => U.Trainer.resume('shells', { epochs: 5001 }))
      const { source, changes, prefixes } = again.facts
      again.close()
      return { last: [last.type, last.ended, last.saved], late: late.name, begun: (await begun).message, source, changes, prefixes }`)
    expect(message).toBeUndefined()
    expect(value).toEqual({
      ...{ last: ['done', 'signal', true], late: 'AbortError', begun: 'not now' },
      ...{ source: 'sea shells', changes: { replaced: 0, lowered: 0, cut: 0 }, prefixes: ['she sells '] },
    })
  })

  test('a second tab is kept out while one trains, and let in when it is gone', async () => {
    const other = await tab.context().newPage()
    await open(other)
    await told(`globalThis.trainer = await U.Trainer.start('shells', text, { ...options, epochs: 5000 })`)
    for (const body of [
      `await U.Trainer.start('shells', text, options)`,
      `await U.Trainer.resume('shells')`,
      `await U.savedRuns.remove('shells')`,
    ]) {
      const { name, message } = await told(body, other)
      expect([name, message]).toEqual([
        'DataError',
        expect.stringMatching(/^shells: another tab or worker is training/),
      ])
    }
    await tab.close()
    const { value, message } = await told(
      `const trainer = await U.Trainer.resume('shells', { epochs: 5001 }); trainer.close(); return trainer.facts.step`,
      other,
    )
    expect(message).toBeUndefined()
    expect(value).toBeTypeOf('number')
  })

  test('a page that does not read holds the training up, and memory with it', async () => {
    const { value } = await told(`
      const trainer = await U.Trainer.start('shells', text, { ...options, epochs: 5000, checkpointSteps: Infinity })
      const events = trainer.events()
      await events.next()
      await new Promise((resolve) => setTimeout(resolve, 1500))
      const one = await trainer.model()
      await new Promise((resolve) => setTimeout(resolve, 500))
      const two = await trainer.model()
      const three = await U.decodeModel(await trainer.modelFiles())
      trainer.close()
      return [two, three].map(({ model }) => bitsOf(model) === bitsOf(one.model))`)
    expect(value).toEqual([true, true])
  })

  test('mistakes are refused as the library refuses them', async () => {
    const mistakes: [body: string, name: string, message: RegExp][] = [
      [`await U.Trainer.start('x', 'too short', options)`, 'DataError', /tokens, expected at least/],
      [`await U.Trainer.start('x', text, { ...options, cell: 'conv' })`, 'OptionError', /^startRun: cell is 'conv'/],
      [`await U.Trainer.start(3, text)`, 'OptionError', /^Trainer.start: name is the number 3, expected a string/],
      [`await U.Trainer.start('', text, options)`, 'OptionError', /the name is an empty string/],
      [`await U.Trainer.start('x', text, options, { werker: 1 })`, 'OptionError', /did you mean worker/],
      [
        `await U.Trainer.start('x', text, options, { worker: () => undefined })`,
        'OptionError',
        /^Trainer: what the option worker returns is undefined/,
      ],
      [
        `await U.Trainer.start('x', text, { lr: () => 1 })`,
        'OptionError',
        /^Trainer: the options cannot be sent to the worker/,
      ],
      [`await U.Trainer.resume('never')`, 'DataError', /^never: the run has no saved text/],
      [
        `await U.Trainer.start('x', text, options, { worker: () => new Worker('/nothing.js', { type: 'module' }) })`,
        'DataError',
        /^Trainer: the worker failed .*; expected one that runs unrolled\/trainer-worker/,
      ],
      [
        `await all(await U.Trainer.start('x', text, { ...options, optimizer: 'sgd', lr: 1e30, clip: Infinity, validation: 0 }))`,
        'ExplodedError',
        /^Run: the training in x exploded: .*; train again with a smaller lr than 1e\+30/,
      ],
      [
        `await all(await U.Trainer.start('x', text, { ...options, optimizer: 'sgd', lr: 1e38, clip: Infinity, validation: 0 }))`,
        'DivergenceError',
        /^startRun: the loss became \S+ at step \d+/,
      ],
    ]
    for (const [body, name, message] of mistakes) {
      const error = await told(body)
      expect(error, body).toMatchObject({ name, ours: true, message: expect.stringMatching(message) })
      expect(await told(`return U.savedRuns.remove('x')`), body).toEqual({})
    }
  })

  test('after stop another trainer can continue at once, and messages are few', async () => {
    const { value, message } = await told(`
      const tiny = { ...options, hiddenSize: 2, epochs: 20000, checkpointSteps: Infinity }
      let messages = 0
      const worker = () => {
        const made = new Worker('/trainer-worker.js', { type: 'module' })
        made.addEventListener('message', () => messages++)
        return made
      }
      const first = await U.Trainer.start('shells', text, tiny, { worker })
      const start = performance.now()
      const going = all(first)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      const perSecond = (messages * 1000) / (performance.now() - start)
      await first.stop()
      const second = await U.Trainer.resume('shells')
      const events = await going
      first.close()
      second.close()
      return { perSecond, goesOn: second.facts.step === events.at(-1).steps, events: events.length }`)
    expect(message).toBeUndefined()
    const { perSecond, ...rest } = value as unknown as { perSecond: number; events: number }
    expect(perSecond).toBeLessThan(25)
    expect(rest).toMatchObject({ goesOn: true })
    expect(rest.events).toBeGreaterThan(perSecond)
  })

  test('a loop over the events can be broken off and taken up again, one at a time', async () => {
    const { value, message } = await told(`
      const whole = await U.Trainer.start('whole', text, options)
      const expected = (await all(whole)).map(({ type, step }) => [type, step])
      whole.close()
      const trainer = await U.Trainer.start('shells', text, { ...options, epochs: 6 })
      const seen = []
      for (let loops = 0; seen.at(-1)?.[0] !== 'done' && loops < 1000; loops++) {
        for await (const { type, step } of trainer.events()) {
          seen.push([type, step])
          if (type !== 'step' || step % 7 === 0) break
        }
      }
      const [one, two] = [trainer.events(), trainer.events()]
      const first = one.next()
      const refused = await told(() => two.next())
      await first
      trainer.close()
      return { same: JSON.stringify(seen) === JSON.stringify(expected), refused: refused.message }`)
    expect(message).toBeUndefined()
    expect(value).toEqual({
      same: true,
      refused: expect.stringMatching(/^Trainer.events: another loop is reading the events/),
    })
  })

  test('a worker that ends without a message is noticed', async () => {
    const { name, message } = await told(`
      let made
      const worker = () => (made = new Worker('/trainer-worker.js', { type: 'module' }))
      const trainer = await U.Trainer.start('shells', text, { ...options, epochs: 5000 }, { worker })
      setTimeout(() => made.terminate(), 300)
      await all(trainer)`)
    expect([name, message]).toEqual([
      'DataError',
      expect.stringMatching(/^Trainer: the worker ended unexpectedly, .*Trainer.resume/),
    ])
  })

  test('a saved model is trained further, and a text with half a character keeps its fingerprint', async () => {
    const { value, message } = await told(`
      const odd = text + String.fromCharCode(0xd800) + '\\ufeff'
      const first = await U.Trainer.start('first', odd, { ...options, epochs: 1 })
      await all(first)
      first.close()
      const model = await U.runModel(new U.OpfsStore('first'))
      const second = await U.Trainer.start('second', odd, { batchSize: 8, numSteps: 12, epochs: 5000 }, { model })
      for await (const event of second.events()) if (event.type === 'epoch') break
      const begun = second.facts.options
      second.close()
      const again = await U.Trainer.resume('second')
      const going = all(again)
      await again.stop()
      const last = (await going).at(-1).type
      again.close()
      return [begun.cell, begun.hiddenSize, last]`)
    expect(message).toBeUndefined()
    expect(value).toEqual(['gru', 20, 'done'])
  })

  test('a run is removed with all its files', async () => {
    await told(
      `const trainer = await U.Trainer.start('shells', text, { ...options, epochs: 1 }); await all(trainer); trainer.close()`,
    )
    const { value } = await told(`
      await U.savedRuns.remove('shells')
      await U.savedRuns.remove('shells')
      return [await U.savedRuns.names(), await new U.OpfsStore('shells').names()]`)
    expect(value).toEqual([[], []])
  })
})

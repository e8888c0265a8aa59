import { existsSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeModel, generate, LSTM, manualSeed, RNNModel, Vocab, zipModel } from '../../src/index.js'
import { bundle, serve, sharedBrowser } from './chromium.js'
import { chromium } from './path.js'
import { watchedTab } from './tab.js'

// Tests of loading and keeping models and texts with `unrolled/browser`. They need the dist/ that `npm test` builds.

const page = `
import * as U from './dist/browser.js'
globalThis.U = U
globalThis.told = (work) => work().then((value) => ({ value }), ({ name, message }) => ({ name, message }))
globalThis.textFrom = async (model, vocab) => {
  let text = ''
  for await (const piece of U.generate(model, vocab, { prefix: 'abc', length: 40 })) text += piece
  return text
}
globalThis.ready = true`

describe.skipIf(!existsSync(chromium))(`in Chromium (skipped where there is no ${chromium})`, () => {
  let browser: Browser
  let server: Server & { url: string }
  let tab: Page
  let expected = ''
  beforeAll(async () => {
    manualSeed(5)
    const vocab = Vocab.of(['<unk>', ...'abcdefgh'])
    const model = new RNNModel(new LSTM({ inputSize: vocab.size, hiddenSize: 24 }), vocab.size)
    for await (const piece of generate(model, vocab, { prefix: 'abc', length: 40 })) expected += piece
    const files = Object.entries(await encodeModel(model, vocab))
    server = await serve({
      '/page.js': await bundle(page),
      '/model.zip': await zipModel(model, vocab),
      '/page.zip': '<!doctype html>',
      ...Object.fromEntries(files.map(([name, bytes]) => [`/folder/${name}`, bytes])),
      '/half/config.json': files.find(([name]) => name === 'config.json')![1],
    })
    browser = await sharedBrowser()
    ;({ tab } = await watchedTab(browser))
    await open()
  })
  afterAll(async () => {
    await tab?.close()
    server?.close()
  })

  const open = async () => {
    await tab.goto(server.url)
    await tab.waitForFunction('globalThis.ready')
  }
  /** The value of an expression in the page, or the error that it throws. */
  const told = (work: string): Promise<{ value?: unknown; name?: string; message?: string }> =>
    tab.evaluate(`told(async () => ${work})`)

  test.each(['model.zip', 'folder', 'folder/'])(
    'a model from the address %s makes the text that it makes in Node',
    async (place) => {
      const loaded = `U.loadModel('/${place}').then(({ model, vocab }) => textFrom(model, vocab))`
      expect(await told(loaded)).toEqual({ value: expected })
    },
  )

  test('a model from a chosen file; progress is reported', async () => {
    const work = `{
      const seen = []
      await U.loadModel('/model.zip', { onProgress: (received, total) => seen.push([received, total]) })
      const blob = await (await fetch('/model.zip')).blob()
      const { model, vocab } = await U.loadModel(new File([blob], 'mine.zip'))
      return [await textFrom(model, vocab), seen.at(-1)[0] === blob.size]
    }`
    expect(await told(`(async () => ${work})()`)).toEqual({ value: [expected, true] })
  })

  test.each([
    [
      `U.loadModel('/nothing')`,
      'DataError',
      /\/nothing\/config\.json: the server answered 404 .*expected a saved model/,
    ],
    [`U.loadModel('/half')`, 'DataError', /\/half\/model\.safetensors: the server answered 404/],
    [`U.loadModel('/page.zip')`, 'DataError', /\/page\.zip: the answer is not a zip/],
    [`U.loadModel('http://127.0.0.1:1/x.zip')`, 'DataError', /x\.zip: it cannot be fetched/],
    [`U.loadModel(3)`, 'OptionError', /loadModel: the argument is .*, expected an address or a File/],
    [`U.loadModel('/model.zip', { signal: AbortSignal.abort(new Error('enough')) })`, 'Error', /^enough$/],
    [`U.savedModels.load('none')`, 'DataError', /none: there is no model of that name/],
    [`U.savedModels.save('', 1, 2)`, 'OptionError', /./],
    [`U.textOf(new File([Uint8Array.of(0xff, 0x41)], 'x.txt'))`, 'DataError', /x\.txt: its bytes are not utf-8 text/],
    [`U.textOf(new File([Uint8Array.of(65, 0, 66)], 'x.txt'))`, 'DataError', /x\.txt: it has zero characters/],
    [`U.textOf(new File([], 'x.txt'), { encoding: 'klingon' })`, 'OptionError', /encoding is 'klingon'/],
  ])('%s: a sentence', async (work, name, message) => {
    expect(await told(work)).toEqual({ name, message: expect.stringMatching(message) })
  })

  test('a model that is kept is there after the page is reloaded, under any name', async () => {
    const name = JSON.stringify('Zeit/../Maschine: 1 %')
    const save = `U.loadModel('/model.zip').then(({ model, vocab }) => U.savedModels.save(${name}, model, vocab))`
    expect(await told(save)).toEqual({ value: undefined })
    await open()
    expect(await told('U.savedModels.names()')).toEqual({ value: [JSON.parse(name)] })
    const load = `U.savedModels.load(${name}).then(({ model, vocab }) => textFrom(model, vocab))`
    expect(await told(load)).toEqual({ value: expected })
    expect(await told(`U.savedModels.remove(${name}).then(() => U.savedModels.names())`)).toEqual({ value: [] })
  })

  test('if the site has no more room, the old model stays', async () => {
    const save = `U.loadModel('/model.zip').then(({ model, vocab }) => U.savedModels.save('m', model, vocab))`
    expect(await told(save)).toEqual({ value: undefined })
    const session = await tab.context().newCDPSession(tab)
    await session.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize: 1 })
    const refused = await told(save)
    await session.send('Storage.overrideQuotaForOrigin', { origin: server.url })
    expect(refused).toEqual({
      name: 'DataError',
      message: expect.stringMatching(/^m: \d+ bytes cannot be written .*no more room/),
    })
    const load = `U.savedModels.load('m').then(({ model, vocab }) => textFrom(model, vocab))`
    expect(await told(load)).toEqual({ value: expected })
  })

  test('texts of dropped files and folders, in the encodings of their byte order marks', async () => {
    const work = `{
      const drop = new DataTransfer()
      const utf16 = Uint8Array.from([0xff, 0xfe, 101, 0, 105, 0, 110, 0, 115, 0])
      drop.items.add(new File([utf16], 'notes.md'))
      drop.items.add(new File(['zwei'], 'b.txt'))
      return U.droppedTexts(drop)
    }`
    expect(await told(`(async () => ${work})()`)).toEqual({
      value: [
        { name: 'b.txt', text: 'zwei' },
        { name: 'notes.md', text: 'eins' },
      ],
    })
    const folders = `{
      const file = (fullPath, text) => ({ isFile: true, fullPath, file: (give) => give(new File([text], 'x')) })
      const folder = (fullPath, ...inside) => ({
        isFile: false,
        fullPath,
        // Browsers return a few entries at a time.
        createReader: () => ({ readEntries: (give) => give(inside.splice(0, 2)) }),
      })
      const books = folder(
        '/books',
        file('/books/b.txt', 'zwei'),
        file('/books/picture.png', 'no text'),
        folder('/books/more', file('/books/more/a.TXT', 'drei')),
      )
      return U.droppedTexts({ items: [{ webkitGetAsEntry: () => books }] })
    }`
    expect(await told(`(async () => ${folders})()`)).toEqual({
      value: [
        { name: 'books/b.txt', text: 'zwei' },
        { name: 'books/more/a.TXT', text: 'drei' },
      ],
    })
    expect(await told('U.droppedTexts(new DataTransfer())')).toEqual({
      name: 'DataError',
      message: expect.stringMatching(/^droppedTexts: nothing that was dropped is a text/),
    })
  })
})

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import * as unrolled from '../src/node.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-paths-'))
afterAll(() => rmSync(folder, { recursive: true }))

const { GRU, Linear, RNNModel, Vocab } = unrolled
const vocab = Vocab.count('abc')
const model = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 2 }), vocab.size)
const linear = new Linear({ inFeatures: 1, outFeatures: 1 })

// Functions that take a path, called as a JavaScript user may call them.
const doors: Record<string, (path: never) => Promise<unknown>> = {
  checkModelFolder: (path) => unrolled.checkModelFolder(path),
  loadModel: (path) => unrolled.loadModel(path),
  saveModel: (path) => unrolled.saveModel(path, model as never, vocab),
  loadCheckpoint: (path) => unrolled.loadCheckpoint(path),
  saveCheckpoint: (path) => unrolled.saveCheckpoint(path, { config: {}, vocab, tensors: {} } as never),
  readHistory: (path) => unrolled.readHistory(path),
  'HistoryWriter.open': (path) => unrolled.HistoryWriter.open(path),
  saveStateDict: (path) => unrolled.saveStateDict(path, linear),
  loadStateDict: (path) => unrolled.loadStateDict(path, linear),
  readText: (path) => unrolled.readText(path),
  loadText: (path) => unrolled.loadText(path),
  loadCorpus: (path) => unrolled.loadCorpus(path),
  FileCorpus: async (path) => new unrolled.FileCorpus(path, Uint8Array, 1),
}

describe('anything but a path is refused in a sentence that names the function, and nothing is written', () => {
  test.each(Object.entries(doors))('%s', async (name, open) => {
    for (const wrong of [undefined, null, 3, '', {}, Symbol('x'), [7], () => 'a']) {
      const opening = Promise.resolve().then(() => open(wrong as never))
      await expect(opening, String(wrong)).rejects.toThrow(unrolled.OptionError)
      await expect(opening, String(wrong)).rejects.toThrow(/expected a path as a string$/)
      await expect(opening, String(wrong)).rejects.toThrow(new RegExp(`^${name.replace('.', '\\.')}: `))
    }
    expect(readdirSync(folder)).toEqual([])
  })
})

test('a checkpoint without its parts, and a plot without series', async () => {
  for (const wrong of [undefined, null, 3, {}, { config: {} }]) {
    await expect(unrolled.saveCheckpoint(path.join(folder, 'c'), wrong as never)).rejects.toThrow(
      /^saveCheckpoint: the checkpoint is .*, expected \{ config, vocab, tensors \}/,
    )
  }
  expect(readdirSync(folder)).toEqual([])
  await expect(unrolled.linePlot({} as never)).rejects.toThrow('linePlot: series is undefined, expected an array')
  await expect(unrolled.linePlot(undefined as never)).rejects.toThrow('linePlot: the options argument is undefined')
})

test('a prefix is read in the encoding that is named', async () => {
  const { runCommand } = await import('../src/cli/program.js')
  await unrolled.saveModel(path.join(folder, 'model'), model as never, Vocab.of(['<unk>', 'ü', 'b', 'c']))
  writeFileSync(path.join(folder, 'prefix.txt'), Buffer.from([0xfc]))
  const generate = (...more: string[]) =>
    runCommand([
      'generate',
      path.join(folder, 'model'),
      '--length',
      '1',
      '--prefix-file',
      path.join(folder, 'prefix.txt'),
      ...more,
    ])
  expect(await generate()).toBe(2)
  expect(await generate('--encoding', 'windows-1252')).toBe(0)
  expect(await runCommand(['generate', path.join(folder, 'model'), '--encoding', 'windows-1252'])).toBe(2)
})

import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DataError, FormatError } from '../core/errors.js'
import { Vocab } from '../data/vocab.js'
import { zipModel } from '../formats/zip.js'
import { GRU } from '../nn/gru.js'
import { RNNModel } from '../nn/model.js'
import { checkModelFolder, loadModel, saveModel } from './model-folder.js'

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-saving-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const vocabs = [Vocab.count('abc'), Vocab.count('defgh')]

/** A model for each vocabulary, all of whose parameters have one value, so that a mixture shows. */
const modelOf = (vocab: Vocab, value: number, hiddenSize = 8) => {
  const model = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize }), vocab.size)
  for (const { data } of model.parameters()) data.fill(value)
  return model as unknown as RNNModel
}
const models = vocabs.map((vocab, i) => modelOf(vocab, i))

/** Loads a model and returns which of the two it is; fails for a mixture of both. */
async function whichOne(place: string): Promise<number> {
  const { model, vocab } = await loadModel(place)
  const values = new Set(model.parameters().flatMap(({ data }) => [...data]))
  expect(values.size).toBe(1)
  const [value] = values
  expect(vocab.tokens).toEqual(vocabs[value].tokens)
  return value
}

describe('saving is atomic', () => {
  test('loading while another process saves gives either model as a whole', async () => {
    await saveModel(at('model'), models[0], vocabs[0])
    let saving = true
    const save = async () => {
      for (let i = 1; i <= 30; i++) await saveModel(at('model'), models[i % 2], vocabs[i % 2])
      saving = false
    }
    const seen = new Set<number>()
    const load = async () => {
      while (saving) seen.add(await whichOne(at('model')))
    }
    await Promise.all([save(), load(), load()])
    expect(seen).toEqual(new Set([0, 1]))
  })

  test('several may save to one folder at once: one of them wins', async () => {
    await Promise.all([0, 1, 0, 1, 0, 1].map((i) => saveModel(at('model'), models[i], vocabs[i])))
    expect([0, 1]).toContain(await whichOne(at('model')))
    expect(await readdir(folder)).toEqual(['model'])
  })

  test('a process killed at any instant leaves a model that loads', async () => {
    const library = pathToFileURL(path.resolve('dist/node.js')).href
    await writeFile(
      at('save.mjs'),
      `import { GRU, RNNModel, Vocab, saveModel } from ${JSON.stringify(library)}
const vocabs = [Vocab.count('abc'), Vocab.count('defgh')]
const models = vocabs.map((vocab, i) => {
  const model = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 8 }), vocab.size)
  for (const { data } of model.parameters()) data.fill(i)
  return model
})
for (let i = 0; ; i = 1 - i) {
  await saveModel(process.argv[2], models[i], vocabs[i])
  process.stdout.write('.')
}`,
    )
    for (let round = 0; round < 12; round++) {
      const child = spawn(process.execPath, [at('save.mjs'), at('model')])
      await new Promise((resolve) => child.stdout.once('data', resolve))
      await new Promise((resolve) => setTimeout(resolve, 1.7 * round))
      const closed = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGKILL')
      await closed
      expect([0, 1]).toContain(await whichOne(at('model')))
    }
  })

  test('after a save that was cut off the next one saves and clears up', async () => {
    await saveModel(at('model'), models[0], vocabs[0])
    await rename(at('model'), at('model.0123abcd.previous'))
    await saveModel(at('model'), models[1], vocabs[1])
    expect(await whichOne(at('model'))).toBe(1)
    expect(await readdir(folder)).toEqual(['model'])
  })

  test('a link to a folder stays a link', async () => {
    await mkdir(at('real'))
    await symlink(at('real'), at('link'))
    for (const i of [0, 1]) {
      await saveModel(at('link'), models[i], vocabs[i])
      expect(await whichOne(at('link'))).toBe(i)
    }
    expect(await whichOne(at('real'))).toBe(1)
    await rename(at('real'), at('real.0123abcd.previous'))
    expect(await whichOne(at('link'))).toBe(1)
  })
})

describe('folders that are not for a model', () => {
  test('one with a config.json of another program is left alone', async () => {
    await writeFile(at('config.json'), '{"editor":"ed"}')
    await expect(checkModelFolder(folder)).rejects.toThrow(DataError)
    await expect(saveModel(folder, models[0], vocabs[0])).rejects.toThrow('holds other files')
    expect(await readFile(at('config.json'), 'utf8')).toBe('{"editor":"ed"}')
  })

  test('the current folder and those around it are refused', async () => {
    for (const place of ['.', '..', process.cwd(), '/']) {
      await expect(checkModelFolder(place)).rejects.toThrow('the current folder')
    }
  })

  test('a place below a file is refused in a sentence', async () => {
    await writeFile(at('file'), '')
    await expect(checkModelFolder(at('file', 'model'))).rejects.toThrow(DataError)
    await expect(saveModel(at('file', 'model'), models[0], vocabs[0])).rejects.toThrow(DataError)
  })
})

describe('a damaged or forged model', () => {
  const names = ['config.json', 'vocab.json', 'model.safetensors']
  beforeEach(() => saveModel(at('model'), modelOf(vocabs[1], 0.5, 2), vocabs[1], { epochs: 1 }))

  test('with any bytes changed, cut or added: a FormatError, or the same model', async () => {
    const originals = await Promise.all(names.map((name) => readFile(at('model', name))))
    const good = await loadModel(at('model'))
    const damage = fc.record({
      file: fc.nat(2),
      from: fc.nat(),
      removed: fc.nat(9),
      added: fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.constantFrom(...'0,9,-,e,{,[,"'.split(',')).map(Buffer.from)),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ file, from, removed, added }) => {
        const bytes = originals[file]
        const place = from % (bytes.length + 1)
        const changed = Buffer.concat([bytes.subarray(0, place), added, bytes.subarray(place + removed)])
        await writeFile(at('model', names[file]), changed)
        try {
          const { model, vocab } = await loadModel(at('model'))
          expect(model.stateDict()).toEqual(good.model.stateDict())
          expect([vocab.kind, vocab.tokens]).toEqual([good.vocab.kind, good.vocab.tokens])
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
        await writeFile(at('model', names[file]), bytes)
      }),
      { numRuns: 250 },
    )
  })

  test('another file of the right sizes: a FormatError, unless config.json allows it', async () => {
    await saveModel(at('other'), modelOf(vocabs[1], 0.25, 2), vocabs[1])
    await writeFile(at('model', names[2]), await readFile(at('other', names[2])))
    await expect(loadModel(at('model'))).rejects.toThrow('remove sha256')
    const { sha256: _, ...config } = JSON.parse(await readFile(at('model', names[0]), 'utf8'))
    await writeFile(at('model', names[0]), JSON.stringify(config))
    expect((await loadModel(at('model'))).model.parameters()[0].data[0]).toBe(0.25)
  })

  const nested = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  test.each([
    ['names of the object’s prototype', names[0], '{"__proto__":{"format":"unrolled"},"constructor":1}'],
    ['lists within lists', names[0], nested],
    ['lists within lists', names[1], nested],
    ['null', names[0], 'null'],
    ['a training record of objects', names[0], '{"training":{"toString":{"a":1}}}'],
    ['a size with a fraction', names[0], '{"hiddenSize":2.5}'],
    ['a size beyond all memory', names[0], '{"hiddenSize":9007199254740991,"numLayers":9007199254740991}'],
    ['a size that is a text', names[0], '{"hiddenSize":"2"}'],
  ])('%s in %s: a FormatError', async (_what, name, json) => {
    const whole = json.startsWith('{') && !json.includes('__proto__')
    const good = JSON.parse(await readFile(at('model', name), 'utf8'))
    await writeFile(at('model', name), whole ? JSON.stringify({ ...good, ...JSON.parse(json) }) : json)
    await expect(loadModel(at('model'))).rejects.toThrow(FormatError)
  })

  test('a device in the place of a file is not read', async () => {
    await rm(at('model', names[2]))
    await symlink('/dev/zero', at('model', names[2]))
    await expect(loadModel(at('model'))).rejects.toThrow('not a regular file')
  })
})

test('a zip of a model is read as its folder is; another file of that name is refused', async () => {
  await writeFile(at('model.zip'), await zipModel(models[1], vocabs[1]))
  expect(await whichOne(at('model.zip'))).toBe(1)
  await writeFile(at('other.zip'), 'no zip')
  await expect(loadModel(at('other.zip'))).rejects.toThrow('it is not a zip, expected one of a saved model')
  await mkdir(at('folder.zip'))
  await saveModel(at('folder.zip'), models[0], vocabs[0])
  expect(await whichOne(at('folder.zip'))).toBe(0)
})

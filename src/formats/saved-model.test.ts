import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { DataError, FormatError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { Linear } from '../nn/linear.js'
import type { RNNModel } from '../nn/model.js'
import { fromData } from '../tensor/create.js'
import { modelOf } from './model-of.js'
import { encodeSafetensors } from './safetensors.js'
import { decodeModel, encodeModel } from './saved-model.js'

const vocab = Vocab.count('abc')
const sizes = { vocabSize: 4, hiddenSize: 2, numLayers: 1, bias: true, bidirectional: false, dropout: 0 }
const model: RNNModel = modelOf({ cell: 'lstm', ...sizes, embeddingSize: 3, layerNorm: true }, new Generator(1))
const utf8 = (text: string) => new TextEncoder().encode(text)
const json = (value: unknown) => utf8(JSON.stringify(value))

let files: Record<string, Uint8Array>
let config: Record<string, unknown>
beforeAll(async () => {
  files = await encodeModel(model, vocab, { epochs: 3 })
  config = JSON.parse(new TextDecoder().decode(files['config.json']))
})
const changed = (name: string, bytes: Uint8Array) => decodeModel({ ...files, [name]: bytes }, 'place/')

test('a model survives encoding and decoding as a plain map of bytes', async () => {
  const place = new Map(Object.entries(files).map(([name, bytes]) => [name, bytes.slice()]))
  expect([...place.keys()].sort()).toEqual(['config.json', 'model.safetensors', 'vocab.json'])
  const loaded = await decodeModel(Object.fromEntries(place))
  expect(loaded.model.stateDict()).toEqual(model.stateDict())
  expect(loaded.vocab.tokens).toEqual(vocab.tokens)
  expect(loaded.config).toMatchObject({ cell: 'lstm', embeddingSize: 3, training: { epochs: 3 } })
})

test('files may be sources that are read in parts; one that ends too early is refused', async () => {
  const source = (bytes: Uint8Array, end = bytes.length) => ({
    size: bytes.length,
    read: async (offset: number, length: number) => bytes.slice(offset, Math.min(end, offset + length)),
  })
  const sources = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, source(bytes)]))
  expect((await decodeModel(sources)).model.stateDict()).toEqual(model.stateDict())
  for (const [name, bytes] of Object.entries(files)) {
    const cut = decodeModel({ ...sources, [name]: source(bytes, bytes.length - 1) }, 'place')
    await expect(cut).rejects.toThrow(FormatError)
    await expect(cut).rejects.toThrow(`place/${name}: `)
  }
})

test('without the Web Crypto API the same files are made and read', async () => {
  vi.stubGlobal('crypto', undefined)
  try {
    expect(await encodeModel(model, vocab, { epochs: 3 })).toEqual(files)
    expect((await decodeModel(files)).model.stateDict()).toEqual(model.stateDict())
  } finally {
    vi.unstubAllGlobals()
  }
})

test('the formats use nothing that only Node has', () => {
  const all = readdirSync('src/formats', { recursive: true, encoding: 'utf8' })
  const sources = all.filter((name) => /(?<!\.test)\.ts$/.test(name))
  expect(sources).toContain('saved-model.ts')
  for (const name of sources)
    expect(readFileSync(`src/formats/${name}`, 'utf8')).not.toMatch(/'node:|\bBuffer\b|\bprocess\./)
})

describe('values that a newer version may have written are refused by name', () => {
  test.each([
    [
      'config.json',
      () => ({ ...config, rotary: true }),
      "there is a key 'rotary', which this version does not know; it may come from a newer version",
    ],
    ['vocab.json', () => ({ kind: 'char', tokens: vocab.tokens, merges: [] }), "there is a key 'merges'"],
    ['config.json', () => ({ ...config, version: 2, rotary: true }), 'the version is 2, expected 1; a newer version'],
  ])('%s', async (name, value, message) => {
    await expect(changed(name, json(value()))).rejects.toThrow(FormatError)
    await expect(changed(name, json(value()))).rejects.toThrow(`place/${name}: ${message}`)
  })
})

test('older files without the newer keys, written here by hand, are read', async () => {
  const values = (first: number, rows: number, columns: number) =>
    fromData(
      Float32Array.from({ length: rows * columns }, (_, i) => first + i / 8),
      [rows, columns],
    )
  const parameters = {
    'rnn.weight_ih_l0': values(1, 2, 3),
    'rnn.weight_hh_l0': values(2, 2, 2),
    'linear.weight': values(3, 3, 2),
    'linear.bias': fromData(Float32Array.of(0.5, 0, -0.5), [3]),
  }
  const old = {
    'config.json': utf8(
      '{"format":"unrolled","version":1,"cell":"rnn","vocabSize":3,"hiddenSize":2,"numLayers":1,"bias":false,"bidirectional":false,"dropout":0}',
    ),
    'vocab.json': utf8('{"kind":"char","tokens":["<unk>","a","b"]}'),
    'model.safetensors': encodeSafetensors(parameters),
  }
  const loaded = await decodeModel(old)
  expect(loaded.model.stateDict()).toEqual(parameters)
  expect(loaded.model.rnn.kind).toBe('rnn_tanh')
  expect(loaded.vocab.tokens).toEqual(['<unk>', 'a', 'b'])
})

describe('files that do not belong together', () => {
  test.each(['config.json', 'model.safetensors', 'vocab.json'])('%s is missing', async (name) => {
    const { [name]: _, ...others } = files
    await expect(decodeModel(others)).rejects.toThrow(FormatError)
    await expect(decodeModel(others)).rejects.toThrow(`decodeModel: ${name} is missing`)
    await expect(decodeModel(others, 'place')).rejects.toThrow(`place: ${name} is missing`)
  })

  test('a value that changed on the way', async () => {
    const bytes = files['model.safetensors'].slice()
    bytes[bytes.length - 4] ^= 1
    await expect(changed('model.safetensors', bytes)).rejects.toThrow(
      'place/model.safetensors: the file is not the one',
    )
  })

  test('a file that is too long to be a text', async () => {
    await expect(changed('config.json', new Uint8Array(2 ** 20 + 1))).rejects.toThrow('expected at most 1048576')
  })
})

test('a model that could not be loaded is not encoded', async () => {
  await expect(encodeModel(new Linear({ inFeatures: 1, outFeatures: 1 }) as never, vocab)).rejects.toThrow(OptionError)
  await expect(encodeModel(model, Vocab.count('abcd'))).rejects.toThrow(DataError)
  await expect(encodeModel(model, vocab, { lr: {} } as never)).rejects.toThrow('encodeModel: training.lr')
})

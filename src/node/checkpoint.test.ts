import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FormatError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { configOf, modelOf } from '../formats/model-of.js'
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.js'
import type { RNNModel } from '../nn/model.js'
import { Adam } from '../optim/adam.js'
import type { Checkpoint } from '../run/checkpoint.js'
import { tensor } from '../tensor/create.js'
import { underPrefix } from '../train/progress.js'
import { loadCheckpoint, saveCheckpoint } from './checkpoint.js'
import { saveModel } from './model-folder.js'

// What the system is asked, in order: which files are flushed to the disk, and which are renamed.
const asked: string[] = []
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  const open: typeof fs.open = async (file, ...how) => {
    const handle = await real.open(file, ...how)
    const sync = handle.sync.bind(handle)
    handle.sync = () => {
      asked.push(`flush ${file}`)
      return sync()
    }
    return handle
  }
  const rename: typeof fs.rename = (from, to) => {
    asked.push(`rename ${from} to ${to}`)
    return real.rename(from, to)
  }
  return { ...real, open, rename }
})

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), 'unrolled-checkpoint-'))
  asked.length = 0
})
afterEach(() => fs.rm(folder, { recursive: true, force: true }))

const vocab = Vocab.count('abc')
const sizes = { hiddenSize: 3, numLayers: 1, bias: true, bidirectional: false, dropout: 0 }
const model: RNNModel = modelOf({ cell: 'gru', vocabSize: vocab.size, ...sizes }, new Generator(1))
const checkpoint: Checkpoint = {
  config: configOf(model),
  vocab,
  tensors: underPrefix('model', model.stateDict()),
  run: { texts: [] },
}

describe('what is saved has reached the disk before it takes its place', () => {
  test('a checkpoint', async () => {
    await saveCheckpoint(at('c'), checkpoint)
    const temporary = asked[0].replace('flush ', '')
    expect(temporary).toMatch(/c\.[-0-9a-f]+\.tmp$/)
    expect(asked).toEqual([`flush ${temporary}`, `rename ${temporary} to ${at('c')}`, `flush ${folder}`])
  })

  test('a model: its files, their folder, and the one around it', async () => {
    await saveModel(at('model'), model, vocab)
    const renamed = asked.findIndex((line) => line.endsWith(` to ${at('model')}`))
    const made = asked[renamed].split(' ')[1]
    const flushed = asked.slice(0, renamed).filter((line) => line.startsWith('flush'))
    const files = ['model.safetensors', 'vocab.json', 'config.json'].map((name) => `flush ${path.join(made, name)}`)
    expect(flushed).toEqual([...files, `flush ${made}`])
    expect(asked.slice(renamed + 1)).toContain(`flush ${folder}`)
  })
})

describe('a checkpoint that is not as it was written is refused', () => {
  const changed = async (change: (parts: ReturnType<typeof decodeSafetensors>) => void) => {
    await saveCheckpoint(at('c'), checkpoint)
    const parts = decodeSafetensors(await fs.readFile(at('c')))
    change(parts)
    await fs.writeFile(at('c'), encodeSafetensors(parts.tensors, parts.metadata))
    return loadCheckpoint(at('c'))
  }

  test('the same parts are the same checkpoint', async () => {
    expect((await changed(() => {})).run).toEqual({ texts: [] })
  })

  test.each<[string, (parts: ReturnType<typeof decodeSafetensors>) => void]>([
    ['a value', ({ tensors }) => void tensors['model.linear.bias'].data.fill(0.25, 1, 2)],
    ['a name', ({ tensors }) => void Object.assign(tensors, { more: tensors['model.linear.bias'] })],
    ['its options', ({ metadata }) => void Object.assign(metadata, { run: '{"texts":["other"]}' })],
    ['its configuration', ({ metadata }) => void Object.assign(metadata, { config: `${metadata.config} ` })],
    ['its checksum', ({ metadata }) => void Object.assign(metadata, { sha256: '0'.repeat(64) })],
  ])('%s', async (_, change) => {
    await expect(changed(change)).rejects.toThrow(FormatError)
    await expect(changed(change)).rejects.toThrow('damaged: its checksum')
  })
})

/** Writes a checkpoint with another configuration or other tensors, whose checksum is right. */
async function forge(config: object, values: Checkpoint['tensors'] = {}): Promise<void> {
  await saveCheckpoint(at('c'), checkpoint)
  const { tensors, metadata } = decodeSafetensors(await fs.readFile(at('c')))
  const { sha256: _, ...rest } = metadata
  rest.config = JSON.stringify({ ...checkpoint.config, ...config })
  Object.assign(tensors, values)
  const hash = createHash('sha256').update(JSON.stringify(rest))
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    hash.update(JSON.stringify([name, 'Float32Array', shape])).update(new Uint8Array(data.buffer))
  }
  await fs.writeFile(at('c'), encodeSafetensors(tensors, { ...rest, sha256: hash.digest('hex') }))
}

describe('a checkpoint whose configuration the file does not bear out is refused before a model is made', () => {
  test.each([
    ['more layers', { numLayers: 1e9 }, 'is missing'],
    ['more units', { hiddenSize: 1e6 }, 'expected [3000000, 4]'],
    ['more tokens', { vocabSize: 1e9 }, 'the vocabulary has 4 tokens, expected 1000000000'],
    ['an embedding', { embeddingSize: 4e8 }, 'embedding.weight is missing, expected [4, 400000000]'],
    ['a key of a newer version', { rotary: true }, "config: there is a key 'rotary', which this version does not know"],
  ])('%s', async (_, change, message) => {
    await forge(change)
    await expect(loadCheckpoint(at('c'))).rejects.toThrow(FormatError)
    await expect(loadCheckpoint(at('c'))).rejects.toThrow(message)
  })
})

describe('the tensors of a training', () => {
  test.each(['optimizer.exp_avg_sq.0', 'state.h'])('NaN in %s is refused by name, saved or loaded', async (name) => {
    const values = { [name]: tensor([0.5, Number.NaN]) }
    const refusal = new RegExp(`c: ${name} holds NaN, expected numbers; resume an earlier checkpoint`)
    const saved = saveCheckpoint(at('c'), { ...checkpoint, tensors: { ...checkpoint.tensors, ...values } })
    await expect(saved).rejects.toThrow(refusal)
    await forge({}, values)
    await expect(loadCheckpoint(at('c'))).rejects.toThrow(FormatError)
    await expect(loadCheckpoint(at('c'))).rejects.toThrow(refusal)
  })

  test('infinite ones are kept: Adam’s average of squares is infinite after a gradient of 1e21', async () => {
    const weight = tensor([1], { requiresGrad: true })
    const adam = new Adam([weight])
    weight.grad = tensor([1e21])
    adam.step()
    const moments = underPrefix('optimizer', adam.stateDict().tensors)
    await saveCheckpoint(at('c'), { ...checkpoint, tensors: { ...checkpoint.tensors, ...moments } })
    const { tensors } = await loadCheckpoint(at('c'))
    expect([...weight.data, ...tensors['optimizer.exp_avg_sq.0'].data]).toEqual([1, Infinity])
  })
})

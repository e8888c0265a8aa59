import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DataError, OptionError, type UnrolledError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { configOf } from '../formats/model-of.js'
import { GRU } from '../nn/gru.js'
import { Linear } from '../nn/linear.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import { Parameter } from '../nn/parameter.js'
import { type Checkpoint, encodeCheckpoint } from '../run/checkpoint.js'
import { CHECKPOINT } from '../run/store.js'
import { tensor } from '../tensor/create.js'
import { extendVocab } from '../train/extend-vocab.js'
import { underPrefix } from '../train/progress.js'
import { saveCheckpoint } from './checkpoint.js'
import { FolderStore } from './folder-store.js'
import { loadModel, saveModel } from './model-folder.js'

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-savable-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const vocab = Vocab.count('abc')
const sizes = { inputSize: 4, hiddenSize: 2 }
const make = (rnn: LSTM | GRU = new LSTM(sizes)) => new RNNModel(rnn as LSTM, 4) as unknown as RNNModel

class Deeper extends RNNModel {
  readonly more = new Linear({ inFeatures: 2, outFeatures: 2 })
}
class Scaled extends LSTM {
  readonly scale = new Parameter(tensor([1]), false)
}
const withValue = (value: number) => {
  const model = make()
  model.rnn.weight_hh_l0.data[3] = value
  return model
}
/** A weight that is given in double precision. */
const withDouble = (value: number) => {
  const model = make()
  model.linear.weight.copy_(Float64Array.of(value, 2, 3, 4, 5, 6, 7, 8))
  return model
}

describe('what could not be loaded again is not saved, least of all over a good model', () => {
  test.each<[string, () => RNNModel, string]>([
    ['a weight that is NaN', () => withValue(Number.NaN), 'rnn.weight_hh_l0 has values that are not finite numbers'],
    ['an infinite weight', () => withValue(-Infinity), 'rnn.weight_hh_l0 has values that are not finite numbers'],
    ['a weight beyond 32-bit floats', () => withDouble(1e39), 'linear.weight has values that are not finite numbers'],
    [
      'a subclass of RNNModel with one more layer',
      () => new Deeper(new LSTM(sizes) as never, 4),
      'more.weight is unknown to the configuration of 1 layer; nothing was saved, because the model could not',
    ],
    ['a subclass of LSTM with a frozen parameter', () => make(new Scaled(sizes)), 'rnn.scale is unknown'],
  ])('%s', async (_what, model, message) => {
    const good = make()
    await saveModel(at('model'), good, vocab)
    const bad = model()
    const checkpoint = { config: configOf(bad), vocab, tensors: underPrefix('model', bad.stateDict()) }
    const run = new FolderStore(at('run'))
    await run.enter()
    const save = async (saved: Checkpoint) => run.write(CHECKPOINT, await encodeCheckpoint(saved))
    await save({ ...checkpoint, tensors: underPrefix('model', good.stateDict()) })
    const before = await readFile(at('run', CHECKPOINT))

    const saves = [() => saveModel(at('model'), bad, vocab), () => save(checkpoint)]
    for (const save of saves) {
      await expect(save()).rejects.toThrow(DataError)
      await expect(save()).rejects.toThrow(message)
    }
    await run.leave()
    expect(() => extendVocab(bad, vocab, ['x'], new Generator(1))).toThrow(message)
    expect((await loadModel(at('model'))).model.stateDict()).toEqual(good.stateDict())
    expect(await readFile(at('run', CHECKPOINT))).toEqual(before)
    expect((await readdir(folder)).sort()).toEqual(['model', 'run'])
    expect(await readdir(at('run'))).toEqual([CHECKPOINT])
  })

  test.each<[string, unknown, unknown, typeof UnrolledError, string]>([
    ['a model of another class', new Linear({ inFeatures: 1, outFeatures: 1 }), vocab, OptionError, 'saveStateDict'],
    ['no model', undefined, vocab, OptionError, 'the model is not an RNNModel'],
    ['no vocabulary', make(), undefined, OptionError, 'the vocabulary is not a Vocab'],
    [
      'another vocabulary',
      make(),
      Vocab.count('abcd'),
      DataError,
      'saveModel: the vocabulary has 5 tokens, expected 4 according to the configuration; nothing was saved',
    ],
  ])('%s', async (_what, model, tokens, kind, message) => {
    const saving = saveModel(at('model'), model as RNNModel, tokens as Vocab)
    await expect(saving).rejects.toThrow(kind)
    await expect(saving).rejects.toThrow(message)
    expect(await readdir(folder)).toEqual([])
  })

  test('a record of the training that its reader would not understand', async () => {
    const saving = saveModel(at('model'), make(), vocab, { lr: { begin: 1 } } as never)
    await expect(saving).rejects.toThrow('saveModel: training.lr')
    expect(await readdir(folder)).toEqual([])
  })
})

test('a model that was given double precision is saved as what 32-bit floats hold of it', async () => {
  await saveModel(at('model'), withDouble(0.1), vocab)
  const { model } = await loadModel(at('model'))
  expect(model.linear.weight.data).toEqual(Float32Array.of(Math.fround(0.1), 2, 3, 4, 5, 6, 7, 8))
})

test('a frozen embedding is saved and loaded', async () => {
  const model = new RNNModel(new GRU({ inputSize: 3, hiddenSize: 2 }), 4, { embeddingSize: 3 })
  model.embedding!.requiresGrad_(false)
  await saveModel(at('model'), model as unknown as RNNModel, vocab)
  expect((await loadModel(at('model'))).model.embedding!.weight.data).toEqual(model.embedding!.weight.data)
})

test('files with a byte order mark are read', async () => {
  const model = make()
  await saveModel(at('model'), model, vocab)
  for (const name of ['config.json', 'vocab.json']) {
    await writeFile(at('model', name), `\uFEFF${await readFile(at('model', name), 'utf8')}`)
  }
  const loaded = await loadModel(at('model'))
  expect(loaded.model.stateDict()).toEqual(model.stateDict())
  expect(loaded.vocab.tokens).toEqual(vocab.tokens)
  await saveModel(at('model'), model, vocab)
})

test('the next save removes what a killed save left, and nothing else', async () => {
  await saveModel(at('model'), make(), vocab)
  const { beside } = await import('./atomic.js')
  // No process has this number: Linux ends below 2^22.
  const dead = beside(at('model')).replace(`-${process.pid}-`, '-99999999-')
  const deadFile = beside(at('file')).replace(`-${process.pid}-`, '-99999999-')
  const others = [beside(at('model')), beside(at('other')).replace(`-${process.pid}-`, '-99999999-')]
  for (const place of [dead, ...others]) await mkdir(place)
  await writeFile(path.join(dead, 'model.safetensors'), 'half')
  await writeFile(deadFile, 'half')
  await saveModel(at('model'), make(), vocab)
  const model = make()
  await saveCheckpoint(at('file'), { config: configOf(model), vocab, tensors: underPrefix('model', model.stateDict()) })
  const expected = ['file', 'model', ...others.map((place) => path.basename(place))]
  expect((await readdir(folder)).sort()).toEqual(expected.sort())
})

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { bytesOf, dictionary, pickle, storage, tensor, torchFile } from '../../../test/pickles.js'
import { readFixture, relativeError } from '../../../test/read-fixture.js'
import { FormatError } from '../../core/errors.js'
import { fromData } from '../../tensor/create.js'
import { importModel, importTensors } from '../import.js'
import { withVocab } from '../with-vocab.js'

// Files of PyTorch 1.13 and 2.15, with what PyTorch has in them: test/fixtures/make_torch_fixtures.py made them.
const folder = 'test/fixtures'
const named = (sort: string) => readdirSync(folder).filter((file) => file.startsWith(sort) && file.endsWith('.pt'))
const bytes = (file: string) => new Uint8Array(readFileSync(path.join(folder, file)))

test.each(named('torch_'))('%s: names, shapes and values are PyTorch’s', async (file) => {
  const fixture = readFixture(path.parse(file).name)
  const tensors = await importTensors(bytes(file))
  const expected = Object.keys(fixture).flatMap((name) => (name.startsWith('param.') ? name.slice(6) : []))
  expect(Object.keys(tensors)).toEqual(expected)
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    const { shape: expectedShape, data: values } = fixture[`param.${name}`]
    expect(shape, name).toEqual(expectedShape)
    expect([...data], name).toEqual([...values])
  }
})

const models = ['rnn', 'lstm', 'tied'].flatMap((name) => [`torch_1.13_${name}.pt`, `torch_2.15_${name}.pt`])

test.each(models)('%s: the model computes what PyTorch’s does', async (file) => {
  const { tokens, output } = readFixture(path.parse(file).name)
  const found = await importModel(bytes(file))
  const { vocabSize } = found.config
  // <unk> is token 0 already, so that the numbers of the tokens stay.
  const list = ['<unk>', ...Array.from({ length: vocabSize - 1 }, (_, i) => `${i}`)]
  const { model } = withVocab(found, { tokens: list })
  const scores = model.forward(fromData(tokens.data, tokens.shape)).output
  expect(relativeError(scores.data, output.data)).toBeLessThan(1e-5)
})

test('what was found is told', async () => {
  expect((await importModel(bytes('torch_2.15_tied.pt'))).found).toEqual([
    'The state dict is "model" of a checkpoint.',
    'rnn.: a GRU of 1 layer and 5 units.',
    'linear.weight: the scores of 8 tokens.',
    'encoder.weight: an embedding of 5 features, whose weights are those of the output.',
  ])
})

const reasons: Record<string, RegExp> = {
  module: /names "torch.nn.modules.rnn.LSTM", .* torch.save\(model.state_dict\(\)/,
  legacy: /form from before PyTorch 1.6 \(now _use_new_zipfile_serialization=False\)/,
  script: /TorchScript program/,
  tensor: /holds one tensor, expected a state dict/,
  two: /2 state dicts are among its entries "model", "ema", expected one; .*torch.save\(checkpoint/,
  mixed: /no state dict is among its entries "a", "epoch"/,
  complex: /a has the dtype C64/,
  sparse: /_rebuild_sparse_tensor/,
}

test.each(named('refused_'))('%s is refused with the reason', async (file) => {
  const reason = reasons[/_([a-z]+)\.pt$/.exec(file)![1]]
  const result = await importTensors(bytes(file)).catch((error: unknown) => error)
  expect(result).toBeInstanceOf(FormatError)
  expect((result as Error).message).toMatch(reason)
})

const good = pickle(dictionary({ a: tensor() }))

test.each<[string, Uint8Array, RegExp]>([
  ['a zip without a pickle', torchFile(good).map((byte) => (byte === 0x6b ? 0x6a : byte)), /no data\.pkl/],
  ['a pickle by itself', good, /a pickle by itself/],
  [
    'values in the other order',
    torchFile(good, { 'archive/byteorder': new TextEncoder().encode('big') }),
    /little-endian/,
  ],
  [
    'an order that is no word',
    torchFile(good, { 'archive/byteorder': new Uint8Array(100) }),
    /100 bytes, expected at most 16/,
  ],
  ['two pickles', torchFile(good, { 'other/data.pkl': good }), /or several/],
  ['a program', torchFile(good, { 'archive/code/__torch__.py': new Uint8Array() }), /TorchScript/],
])('%s: refused with the reason', async (_name, file, reason) => {
  const result = await importTensors(file).catch((error: unknown) => error)
  expect(result).toBeInstanceOf(FormatError)
  expect((result as Error).message).toMatch(reason)
})

test('only the values of the state dict are read: those of an optimizer may even be missing', async () => {
  const moments = dictionary({ step: tensor({ values: storage({ key: 'missing' }) }) })
  const state = bytesOf('}', 'K', 0, moments, 's')
  const checkpoint = dictionary({ optimizer: dictionary({ state }), model: dictionary({ a: tensor() }) })
  const { a } = await importTensors(torchFile(pickle(checkpoint)))
  expect([...a.data]).toEqual([1, 2, 3, 4])
})

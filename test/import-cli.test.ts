import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { zipFiles } from '../src/formats/zip.js'
import {
  encodeStateDict,
  Generator,
  GRU,
  Linear,
  LSTM,
  loadModel,
  Module,
  RNNModel,
  saveModel,
  Vocab,
} from '../src/node.js'
import { BuiltCommand } from './built-command.js'
import { dictionary, named, pickle, tensor, text, torchFile } from './pickles.js'

// The built command, as a user runs it. `npm test` builds it first.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-import-'))
const command = new BuiltCommand(folder, { ...process.env, UNROLLED_OFFLINE: '1', NO_COLOR: '' })
const at = (...names: string[]) => path.join(folder, ...names)

const done = (...args: string[]): string => command.done(...args)

/** The message of a command that fails with one sentence. */
function refused(...args: string[]): string {
  const { status, stderr } = command.run(...args)
  expect(status).toBe(2)
  expect(stderr).toMatch(/^error: [^\n]+\n$/)
  return stderr
}

const vocab = Vocab.count('the quick brown fox')
const generator = new Generator(1)

/** A model with names of its own, as a user of PyTorch may write one. */
class Other extends Module {
  lstm = new LSTM({ inputSize: vocab.size, hiddenSize: 6, numLayers: 2, generator })
  fc = new Linear({ inFeatures: 6, outFeatures: vocab.size, generator })
}
const other = new Other()

beforeAll(async () => {
  const rnn = new LSTM({ inputSize: vocab.size, hiddenSize: 6, numLayers: 2, generator })
  await saveModel(at('model'), new RNNModel(rnn, vocab.size, { generator }), vocab)
  writeFileSync(at('other.safetensors'), await encodeStateDict(other))
  writeFileSync(at('tokens.json'), JSON.stringify(vocab.tokens))
  const normalized = new LSTM({ inputSize: vocab.size, hiddenSize: 6, layerNorm: true, generator })
  await saveModel(at('normalized'), new RNNModel(normalized, vocab.size, { generator }), vocab)
  writeFileSync(at('false.onnx'), 'the quick brown fox')
  writeFileSync(at('text.txt'), 'the quick brown fox')
  // PyTorch wrote these: test/fixtures/make_torch_fixtures.py.
  for (const file of ['torch_2.15_rnn.pt', 'refused_2.15_module.pt', 'refused_2.15_legacy.pt']) {
    copyFileSync(path.resolve('test/fixtures', file), at(file))
  }
  writeFileSync(at('own.zip'), zipFiles({ 'model.safetensors': new Uint8Array(9), 'vocab.json': new Uint8Array(9) }))
  writeFileSync(at('packed.pt'), gzipSync('weights'))
  writeFileSync(at('page.pt'), '<!DOCTYPE html>')
  writeFileSync(at('empty.pt'), '')
  writeFileSync(at('twice.json'), JSON.stringify(['a', ...vocab.tokens.slice(2), 'a']))
  writeFileSync(at('nested.json'), '{"vocab":{"a":0}}')
  writeFileSync(at('cut.pt'), readFileSync(at('torch_2.15_rnn.pt')).subarray(0, 3000))
  const call = [named('posix', 'system'), text('touch x'), 0x85, 'R'] as const
  writeFileSync(at('evil.pt'), torchFile(pickle('}(', text('a'), ...call, 'u')))
  writeFileSync(at('escape.pt'), torchFile(pickle(dictionary({ '\u001b[2J': tensor() }))))
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('weights under other names become a model that continues texts, with the vocabulary of a file or of a text', async () => {
  const said = done('import', 'other.safetensors', '--vocab', 'tokens.json', '--out', 'mine')
  expect(said).toContain('lstm.: an LSTM of 2 layers and 6 units.')
  expect(said).toContain(`fc.weight: the scores of ${vocab.size} tokens.`)
  const { model, vocab: known } = await loadModel(at('mine'))
  expect(known.tokens).toEqual(vocab.tokens)
  expect(model.stateDict()['rnn.weight_hh_l1'].data).toEqual(other.lstm.parameters()[5].data)
  expect(model.stateDict()['linear.bias'].data).toEqual(other.fc.bias!.data)
  expect(done('generate', 'mine', '--prefix', 'the', '--length', '5')).toMatch(/^the.{5}\n$/)

  done('import', 'other.safetensors', '--text', 'text.txt', '--out', 'counted')
  expect((await loadModel(at('counted'))).vocab.tokens).toEqual(vocab.tokens)
})

test('a file of torch.save becomes a model, and says what it is', () => {
  writeFileSync(at('seven.json'), JSON.stringify([...'abcdefg']))
  const said = done('import', 'torch_2.15_rnn.pt', '--vocab', 'seven.json', '--out', 'torch')
  expect(said.split('\n')).toEqual([
    'rnn.: an RNN of 1 layer and 5 units.',
    'linear.weight: the scores of 7 tokens.',
    'There is no embedding: tokens are one-hot.',
    'Weights do not tell an RNN’s function: tanh is assumed; if it is relu, import with nonlinearity relu (--nonlinearity relu).',
    'the model is saved in torch',
    '',
  ])
  expect(done('generate', 'torch', '--prefix', 'abc', '--length', '5')).toMatch(/^abc[a-g]{5}\n$/)
  expect(done('import', 'torch_2.15_rnn.pt', '--prefix', 'rnn.=lstm.', '--out', 'torch.safetensors')).toContain(
    '6 tensors',
  )
})

test('what is exported comes back the same, as one file or into a folder that is there', async () => {
  mkdirSync(at('place'))
  expect(done('export', 'model', '--format', 'safetensors', '--out', 'place')).toContain(
    path.join('place', 'model.safetensors'),
  )
  done('export', 'model', '--out', 'made.safetensors')
  expect(readFileSync(at('made.safetensors'))).toEqual(readFileSync(at('place', 'model.safetensors')))
  done('import', 'made.safetensors', '--vocab', 'model/vocab.json', '--out', 'again')
  const [before, after] = [await loadModel(at('model')), await loadModel(at('again'))]
  expect(after.model.stateDict()).toEqual(before.model.stateDict())
  expect(after.vocab.tokens).toEqual(before.vocab.tokens)
})

test.each([
  ['made.onnx', 'made.onnx', 'onnx'],
  ['MADE.KERAS', 'MADE.KERAS', 'keras'],
  ['made-js', 'made-js/model.json', 'tfjs'],
])('%s brings its vocabulary with it, and how the text was cleaned', async (out, file, format) => {
  const rnn = new LSTM({ inputSize: vocab.size, hiddenSize: 6, generator })
  await saveModel(at('cleaned'), new RNNModel(rnn, vocab.size, { generator }), vocab, {
    ...{ clean: false, lowercase: true, epochs: 3 },
  })
  const named = format === 'tfjs' ? ['--format', format] : []
  expect(done('export', 'cleaned', '--out', out, ...named)).toContain(`the model is saved in ${out}`)
  const said = done('import', file, '--out', 'back')
  const [before, after] = [await loadModel(at('cleaned')), await loadModel(at('back'))]
  // Keras' layers have one bias where PyTorch's have two.
  if (format === 'onnx') {
    expect(said).toContain('unrolled wrote it, with operators of version 14.')
    expect(after.model.stateDict()).toEqual(before.model.stateDict())
  }
  expect(after.vocab.tokens).toEqual(vocab.tokens)
  expect(after.config.training).toEqual({ importedFrom: file, clean: false, lowercase: true })
  const continued = ['--prefix', 'THE', '--length', '20']
  expect(done('generate', 'back', ...continued)).toBe(done('generate', 'cleaned', ...continued))
})

test('what is known of the cleaning goes with a vocabulary in a file', async () => {
  done('import', 'other.safetensors', '--vocab', 'tokens.json', '--no-clean', '--out', 'as-it-is')
  expect((await loadModel(at('as-it-is'))).config.training).toEqual({ importedFrom: 'other.safetensors', clean: false })
})

test('a training is not mixed with an imported model', () => {
  cpSync(at('model'), at('trained'), { recursive: true })
  writeFileSync(at('trained', 'checkpoint.safetensors'), '')
  const before = readFileSync(at('trained', 'model.safetensors'))
  const said = refused('import', 'other.safetensors', '--vocab', 'tokens.json', '--out', 'trained')
  expect(said).toContain('import: trained is the folder of a training')
  expect(readFileSync(at('trained', 'model.safetensors'))).toEqual(before)
})

test('weights alone are written with other beginnings of their names', () => {
  done('import', 'other.safetensors', '--prefix', 'lstm.=rnn.', '--prefix', 'fc.=linear.', '--out', 'named.safetensors')
  expect(done('import', 'named.safetensors', '--text', 'text.txt', '--out', 'named')).toContain('rnn.: an LSTM')
})

test.each([
  [['import', 'none.safetensors', '--out', 'x'], 'none.safetensors: there is no such file'],
  [['import', 'text.txt', '--out', 'x'], 'text.txt: it is of an unknown kind, expected'],
  [['import', 'other.safetensors', '--out', 'x'], 'import: there is no vocabulary, expected --vocab'],
  [['import', 'other.safetensors', '--cell', 'gru', '--out', 'x'], 'its shapes are those of an LSTM, expected a GRU'],
  [['import', 'other.safetensors', '--vocab', 'text.txt', '--out', 'x'], 'text.txt: the file is not JSON'],
  [['import', 'other.safetensors', '--text', 'tokens.json', '--out', 'x'], 'the vocabulary has'],
  [['import', 'other.safetensors', '--vocab', 'a', '--text', 'b', '--out', 'x'], 'expected one of them'],
  [
    ['import', 'other.safetensors', '--prefix', 'lstm', '--out', 'x'],
    'import: --prefix is lstm, expected two prefixes',
  ],
  [['import', 'other.safetensors', '--prefix', 'gru.=rnn.', '--out', 'x'], 'no name begins with "gru."'],
  [
    ['import', 'other.safetensors', '--prefix', 'lstm.weight_ih=fc.weight_hh', '--out', 'x'],
    'there is no weight_ih_l0',
  ],
  [['import', 'other.safetensors', '--clean', '--out', 'x'], 'there is no vocabulary'],
  [['import', 'other.safetensors', '--clean', '--out', 'x.SAFETENSORS'], '--clean has no effect without --out'],
  [['import', 'made.onnx', '--tokens', 'word', '--out', 'x'], '--tokens has no effect without --vocab or --text'],
  [['import', 'other.safetensors', '--prefix', 'fc.=a.', 'fc.=b.', '--out', 'x'], '--prefix names "fc." twice'],
  [
    ['import', 'other.safetensors', '--vocab', 'model/vocab.json', '--tokens', 'word', '--out', 'x'],
    '--tokens is word, but those of',
  ],
  [['import', 'own.zip', '--out', 'x'], 'own.zip: the zip is a saved model of this library'],
  [['import', 'packed.pt', '--out', 'x'], 'packed.pt: it is compressed with gzip'],
  [['import', 'page.pt', '--out', 'x'], 'page.pt: it is a page of HTML'],
  [['import', 'empty.pt', '--out', 'x'], 'empty.pt: it is empty'],
  [['import', 'other.safetensors', '--vocab', 'twice.json', '--out', 'x'], "the string 'a' appears twice"],
  [['import', 'other.safetensors', '--vocab', 'nested.json', '--out', 'x'], 'the number of "vocab" is an object after'],
  [['import', 'other.safetensors', '--vocab', 'model', '--out', 'x'], '--vocab is the folder model'],
  [['export', 'model', '--format', 'onnx', '--out', 'x.keras'], '--format is onnx, but x.keras ends as keras does'],
  [['import', 'other.safetensors', '--cell', 'lstm', '--out', 'x.safetensors'], '--cell has no effect without --out'],
  [['import', 'torch_2.15_rnn.pt', '--out', 'x'], 'import: there is no vocabulary, expected --vocab with the model'],
  [['import', 'refused_2.15_module.pt', '--out', 'x'], 'names "torch.nn.modules.rnn.LSTM"'],
  [['import', 'refused_2.15_legacy.pt', '--out', 'x'], "torch.save's form from before PyTorch 1.6"],
  [['import', 'cut.pt', '--out', 'x'], 'cut.pt: the zip is damaged: it has no end; the file is truncated'],
  [['import', 'evil.pt', '--out', 'x'], 'names "posix.system"'],
  [['import', 'escape.pt', '--out', 'x'], 'there is no weight_ih_l0'],
  [['import', 'false.onnx', '--out', 'x'], 'false.onnx: '],
  [['export', 'normalized', '--out', 'x.onnx'], 'the model has layer normalization'],
  [['export', 'none', '--out', 'x.safetensors'], 'none: there is no such folder'],
  [['export', 'model', '--out', 'x'], 'export: the ending of "x" does not tell the format, expected --format'],
  [['export', 'model', '--out', 'text.txt/x.safetensors'], 'but nothing can be written there'],
])('%j is refused in one sentence, and nothing is written', (args, message) => {
  const before = readdirSync(folder)
  expect(refused(...args)).toContain(message)
  expect(readdirSync(folder)).toEqual(before)
  expect(existsSync(at('x'))).toBe(false)
})

test('words without --tokens word are noticed, and marks such as <pad> are none', () => {
  const from = (tokens: string[], ...more: string[]) => {
    writeFileSync(at('listed.json'), JSON.stringify(tokens))
    return done('import', 'torch_2.15_rnn.pt', '--vocab', 'listed.json', '--out', 'listed', ...more)
  }
  const words = ['the', 'machine', ...'abcde']
  const warning = 'listed.json: 2 of 7 tokens have several characters, such as "the", "machine"'
  expect(from(words)).toContain(warning)
  expect(from(words)).toContain('--tokens word')
  expect(from(words, '--tokens', 'word')).not.toContain('several characters')
  expect(from(words, '--tokens', 'char')).not.toContain('several characters')
  expect(from(['<pad>', ...'abcdef'])).not.toContain('several characters')
})

test('the numbers and tokens that Python calls itos are a vocabulary', async () => {
  writeFileSync(at('itos.json'), JSON.stringify(Object.fromEntries([...'gfedcba'].map((token, i) => [i, token]))))
  done('import', 'torch_2.15_rnn.pt', '--vocab', 'itos.json', '--out', 'itos')
  expect((await loadModel(at('itos'))).vocab.tokens).toEqual(['<unk>', ...'gfedcba'])
})

test('a vocabulary that does not fit is named by its own file, and a device is none', () => {
  writeFileSync(at('short.json'), JSON.stringify([...'abc']))
  expect(refused('import', 'torch_2.15_rnn.pt', '--vocab', 'short.json', '--out', 'x')).toBe(
    'error: short.json: the vocabulary has 3 tokens, expected 7, one for each score of torch_2.15_rnn.pt\n',
  )
  expect(refused('import', 'torch_2.15_rnn.pt', '--vocab', '/dev/zero', '--out', 'x')).toContain(
    '/dev/zero: it is a device, expected a file',
  )
  expect(existsSync(at('x'))).toBe(false)
})

test('a folder in place of a file is told apart', () => {
  expect(refused('import', 'model', '--out', 'x')).toContain(
    'model: it is a model folder of Unrolled, which needs no import',
  )
  mkdirSync(at('js'))
  expect(refused('import', 'js', '--out', 'x')).toContain('js: it is a folder, expected a file with a model')
  writeFileSync(at('js', 'model.json'), '{}')
  expect(refused('import', 'js', '--out', 'x')).toContain(`expected a file, such as ${path.join('js', 'model.json')}`)
})

test('an export says where the tokens are, and what to write for frameworks whose own files are not written', () => {
  expect(done('export', 'model', '--out', 'alone.safetensors')).toContain('--vocab model/vocab.json')
  writeFileSync(
    at('model.zip'),
    zipFiles(Object.fromEntries(readdirSync(at('model')).map((name) => [name, readFileSync(at('model', name))]))),
  )
  expect(done('export', 'model.zip', '--out', 'alone.safetensors')).toMatch(
    /with --vocab and the vocab\.json of the saved model$/m,
  )
  for (const [name, instead] of Object.entries({ 'x.pt': '.safetensors', 'x.h5': '.keras', 'model.json': 'tfjs' })) {
    expect(refused('export', 'model', '--out', name)).toContain(instead)
  }
})

test('an export replaces an earlier one of several files, and nothing else', () => {
  const write = () => command.run('export', 'model', '--format', 'tfjs', '--out', 'page')
  expect(write().status).toBe(0)
  writeFileSync(at('page', 'model.json'), 'older')
  expect(write().status).toBe(0)
  expect(readFileSync(at('page', 'model.json'), 'utf8')).toContain('layers-model')
  writeFileSync(at('page', 'index.html'), 'mine')
  expect(write()).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('something is there already (index.html)'),
  })
  expect(readFileSync(at('page', 'index.html'), 'utf8')).toBe('mine')
})

test('info tells a text once', () => {
  writeFileSync(at('fox.txt'), 'the quick brown fox '.repeat(20))
  expect(
    command.run(
      'train',
      'fox.txt',
      '--epochs',
      '1',
      '--hidden-size',
      '4',
      '--batch-size',
      '2',
      '--num-steps',
      '5',
      '--out',
      'told',
    ).status,
  ).toBe(0)
  const lines = done('info', 'told')
    .split('\n')
    .filter((line) => line.includes('fox.txt'))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^ {2}text {2,}/)
})

test('a GRU that resets before its product runs in every command, and PyTorch’s formats refuse it', async () => {
  const gru = new GRU({ inputSize: vocab.size, hiddenSize: 5, resetAfter: false, generator: new Generator(2) })
  await saveModel(at('before'), new RNNModel(gru, vocab.size, { generator: new Generator(2) }), vocab)
  done('export', 'before', '--out', 'before.onnx')
  expect(done('import', 'before.onnx', '--out', 'before-again')).toContain('resetAfter: false')
  const texts = (name: string) => done('generate', name, '--prefix', 'the', '--length', '20', '--temperature', '0')
  expect(texts('before-again')).toBe(texts('before'))
  writeFileSync(at('fox.txt'), 'the quick brown fox '.repeat(20))
  const tuned = ['--epochs', '1', '--batch-size', '2', '--num-steps', '5', '--out', 'tuned']
  expect(command.run('train', 'fox.txt', '--init-from', 'before', ...tuned).status).toBe(0)
  expect((await loadModel(at('tuned'))).config).toMatchObject({ cell: 'gru', resetAfter: false })
  const expected = 'the GRU has resetAfter = false, which PyTorch’s GRU does not have'
  expect(refused('export', 'before', '--out', 'before.safetensors')).toContain(expected)
  expect(refused('export', 'tuned', '--format', 'torchrun', '--out', 'there')).toContain(expected)
})

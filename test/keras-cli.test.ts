import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Generator, GRU, LSTM, loadModel, RNNModel, saveModel, Vocab } from '../src/node.js'
import { BuiltCommand } from './built-command.js'

// The built command, as a user runs it. `npm test` builds it first.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-keras-cli-'))
const command = new BuiltCommand(folder, { ...process.env, UNROLLED_OFFLINE: '1', NO_COLOR: '' })
const at = (...names: string[]) => path.join(folder, ...names)
const fixture = (...names: string[]) => path.resolve('test/fixtures/keras', ...names)

const done = (...args: string[]): string => command.done(...args)

const vocab = Vocab.count('the quick brown fox')
beforeAll(async () => {
  const generator = new Generator(1)
  const options = { hiddenSize: 6, numLayers: 2, generator }
  const lstm = new LSTM({ ...options, inputSize: vocab.size })
  await saveModel(at('lstm'), new RNNModel(lstm, vocab.size, { generator }), vocab)
  const gru = new GRU({ ...options, inputSize: 4 })
  await saveModel(at('gru'), new RNNModel(gru, vocab.size, { embeddingSize: 4, generator }), vocab)
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('a model goes to Keras and to TensorFlow.js and comes back with its vocabulary, and makes the same texts', async () => {
  for (const name of ['lstm', 'gru']) {
    const texts = (model: string) => done('generate', model, '--prefix', 'the', '--length', '20', '--temperature', '0')
    expect(done('export', name, '--out', `${name}.keras`)).toBe(`the model is saved in ${name}.keras\n`)
    done('export', name, '--format', 'tfjs', '--out', `${name}-js`)
    const script = name === 'gru' ? ['gru.js'] : []
    expect(readdirSync(at(`${name}-js`)).sort()).toEqual([...script, 'group1-shard1of1.bin', 'model.json'].sort())
    done('import', `${name}.keras`, '--out', `${name}-from-keras`)
    done('import', `${name}-js/model.json`, '--out', `${name}-from-js`)
    for (const back of [`${name}-from-keras`, `${name}-from-js`]) {
      expect((await loadModel(at(back))).vocab.tokens).toEqual(vocab.tokens)
      expect(texts(back)).toBe(texts(name))
    }
  }
})

test('a file of Keras becomes a model with the tokens of a list', async () => {
  writeFileSync(at('tokens.json'), JSON.stringify([...'abcdefg']))
  const said = done('import', fixture('lstm_embedding.keras'), '--vocab', 'tokens.json', '--out', 'named')
  expect(said).toContain('an LSTM of 2 layers and 5 units')
  expect((await loadModel(at('named'))).vocab.tokens).toEqual(['<unk>', ...'abcdefg'])
})

test('the commands of docs/keras.md work', () => {
  writeFileSync(at('tokens.json'), JSON.stringify([...'abcdefg']))
  cpSync(at('lstm'), at('novel'), { recursive: true })
  cpSync(fixture('lstm_embedding.keras'), at('model.keras'))
  cpSync(fixture('keras2_gru.h5'), at('model.h5'))
  cpSync(fixture('tfjs_keras2'), at('js'), { recursive: true })
  cpSync(fixture('gru.weights.h5'), at('model.weights.h5'))
  const lines = readFileSync('docs/keras.md', 'utf8').matchAll(/^unrolled (.*)$/gm)
  const commands = [...lines].map(([, line]) => line.split(' '))
  expect(commands.length).toBe(7)
  for (const args of commands) expect(done(...args)).toContain(`saved in ${args[args.indexOf('--out') + 1]}`)
})

test('what cannot be read is refused in one sentence, and nothing is written', () => {
  writeFileSync(at('cut.h5'), readFileSync(fixture('gru_softmax.h5')).subarray(0, 9000))
  done('export', 'lstm', '--format', 'tfjs', '--out', 'without')
  rmSync(at('without', 'group1-shard1of1.bin'))
  done('export', 'lstm', '--out', 'cut.keras')
  truncateSync(at('cut.keras'), 5000)
  for (const [file, message] of [
    ['without/model.json', 'without/model.json: group1-shard1of1.bin is missing'],
    ['cut.keras', 'cut.keras: the zip is damaged'],
    ['cut.h5', 'cut.h5: it is not HDF5, or damaged'],
    [fixture('tfjs_last', 'model.json'), 'import: there is no vocabulary, expected --vocab'],
  ]) {
    const { status, stderr } = command.run('import', file, '--out', 'out')
    expect(status).toBe(2)
    expect(stderr).toMatch(/^error: [^\n]+\n$/)
    expect(stderr).toContain(message)
    expect(existsSync(at('out'))).toBe(false)
  }
})

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { zipSync } from 'fflate'
import { afterAll, expect, test } from 'vitest'
import { FormatError } from '../core/errors.js'
import { Vocab } from '../data/vocab.js'
import { RNNModel } from '../nn/model.js'
import { RNN } from '../nn/rnn.js'
import { encodeModel } from './saved-model.js'
import { unzipModel, zipModel } from './zip.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-zip-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// Python makes the zips that come from another program.
const noPython = spawnSync('python3', ['--version']).status !== 0

const vocab = Vocab.of(['<unk>', 'a', 'b'])
const model = new RNNModel(new RNN({ inputSize: 3, hiddenSize: 4 }), 3)

test.skipIf(noPython)(
  'another program finds the files of the model in the zip, whole (skipped without python3)',
  async () => {
    const file = path.join(folder, 'model.zip')
    writeFileSync(file, await zipModel(model, vocab, { epochs: 3 }))
    const script = `import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extractall(sys.argv[2])`
    execFileSync('python3', ['-c', script, file, folder])
    for (const [name, bytes] of Object.entries(await encodeModel(model, vocab, { epochs: 3 }))) {
      expect(new Uint8Array(readFileSync(path.join(folder, name))), name).toEqual(bytes)
    }
  },
)

test.skipIf(noPython)(
  'a zip that another program packed, of the folder with other files beside it, is read (skipped without python3)',
  async () => {
    const file = path.join(folder, 'other.zip')
    const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
  z.writestr('my model/read me.txt', 'hello')
  z.writestr('__MACOSX/my model/config.json', 'nothing')
  for name in sys.argv[2:]: z.write(name, 'my model/' + name.split('/')[-1])`
    const files = ['config.json', 'model.safetensors', 'vocab.json'].map((name) => path.join(folder, name))
    for (const [name, bytes] of Object.entries(await encodeModel(model, vocab, { epochs: 3 }))) {
      writeFileSync(path.join(folder, name), bytes)
    }
    execFileSync('python3', ['-c', script, file, ...files])
    const { model: read, vocab: tokens, config } = await unzipModel(new Uint8Array(readFileSync(file)), 'other.zip')
    expect(read.stateDict()).toEqual(model.stateDict())
    expect([tokens.tokens, config.training]).toEqual([vocab.tokens, { epochs: 3 }])
  },
)

test.each<[string, () => Promise<Uint8Array>, string]>([
  ['no zip', async () => new TextEncoder().encode('<!doctype html>'), 'x.zip: it is not a zip'],
  ['nothing', async () => new Uint8Array(0), 'x.zip: it is not a zip'],
  ['another zip', async () => zipSync({ 'a.txt': new Uint8Array(3) }), 'x.zip: config.json is missing'],
  ['a zip that was cut off', async () => (await zipModel(model, vocab)).subarray(0, 400), 'x.zip: the zip is damaged'],
  [
    'two models',
    async () => {
      const files = await encodeModel(model, vocab)
      return zipSync({ one: { ...files }, two: { ...files } })
    },
    'expected only one',
  ],
  [
    'a changed parameter',
    async () => {
      const files = await encodeModel(model, vocab)
      const bytes = files['model.safetensors'].slice()
      bytes[bytes.length - 1] ^= 1
      return zipSync({ ...files, 'model.safetensors': bytes })
    },
    'x.zip/model.safetensors: the file is not the one that was saved',
  ],
])('%s: a FormatError that says so', async (_name, bytes, message) => {
  const read = unzipModel(await bytes(), 'x.zip')
  await expect(read).rejects.toThrow(FormatError)
  await expect(unzipModel(await bytes(), 'x.zip')).rejects.toThrow(message)
})

test('a file that is too large for an array is refused before it is unpacked', async () => {
  const zip = await zipModel(model, vocab)
  const view = new DataView(zip.buffer, zip.byteOffset)
  // The size of each file is 24 bytes after the signature of its entry in the directory at the end.
  for (let at = 0; at < zip.length - 4; at++)
    if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 2 ** 31 + 1, true)
  await expect(unzipModel(zip, 'x.zip')).rejects.toThrow(/x\.zip: .* has 2147483649 bytes, expected at most/)
})

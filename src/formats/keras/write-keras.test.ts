import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { DataError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { Vocab } from '../../data/vocab.js'
import { noGrad } from '../../tensor/autograd.js'
import { fromData } from '../../tensor/create.js'
import { exportModel } from '../export.js'
import { importModel } from '../import.js'
import type { ModelSizes } from '../model-config.js'
import { modelOf } from '../model-of.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-keras-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const python = process.env.UNROLLED_PYTHON ?? 'python3'
const env = { ...process.env, KERAS_BACKEND: process.env.KERAS_BACKEND ?? 'numpy' }
const version = spawnSync(python, ['-c', 'import keras; print(keras.__version__)'], { env, encoding: 'utf8' })
const noKeras = version.status !== 0 || !version.stdout.startsWith('3')

const random = new Generator(3)
const vocab = Vocab.of(['<unk>', ...'abcdef'])
const sizes = { vocabSize: vocab.size, hiddenSize: 5, numLayers: 2, dropout: 0 }

const cells = ['rnn', 'gru', 'lstm'] as const
const configs = cells.flatMap((cell) =>
  [false, true].flatMap((bidirectional) =>
    [undefined, 3].map(
      (embeddingSize): ModelSizes => ({
        ...sizes,
        cell,
        bidirectional,
        embeddingSize,
        bias: embeddingSize === undefined,
      }),
    ),
  ),
)
configs.push({ ...sizes, cell: 'rnn', nonlinearity: 'relu', bias: true, bidirectional: false })
configs.push({ ...sizes, cell: 'gru', resetAfter: false, bias: true, bidirectional: false })
configs.push({ ...sizes, cell: 'lstm', bias: true, bidirectional: false, embeddingSize: 5, tieWeights: true })

function randomModel(config: ModelSizes) {
  const model = modelOf(config, random)
  for (const { data } of model.parameters()) data.set(data.map(() => random.normal() / 2))
  return model
}

test('what is written for Keras comes back as it was', async () => {
  for (const config of configs) {
    const model = randomModel(config)
    const { 'model.keras': bytes } = await exportModel(model, vocab, 'keras')
    const back = await importModel(bytes)
    expect(back.config).toMatchObject(JSON.parse(JSON.stringify(config)))
    expect(back.vocab).toEqual({ kind: 'char', tokens: vocab.tokens })
    for (const [name, { data }] of Object.entries(model.stateDict())) {
      // Keras has one bias where an RNN, an LSTM and a GRU that resets before have two.
      if (name.includes('bias_') && (config.cell !== 'gru' || config.resetAfter === false)) continue
      expect(back.parameters[name].data, name).toEqual(data)
    }
  }
})

const script = `
import json, sys
import keras, numpy as np
outputs = []
for file, tokens in json.load(open(sys.argv[1])):
    model = keras.models.load_model(file)
    outputs.append(np.array(model(np.array(tokens, dtype="int32").reshape(2, -1))).ravel().tolist())
print(json.dumps(outputs))
`

test.skipIf(noKeras)(
  'Keras 3 gives what it loads the same scores (skipped unless UNROLLED_PYTHON names a Python with Keras 3)',
  async () => {
    const cases = []
    const expected: number[][] = []
    for (const [i, config] of configs.entries()) {
      const model = randomModel(config)
      const tokens = Array.from({ length: 12 }, () => Math.floor(random.uniform() * vocab.size))
      const file = path.join(folder, `${i}.keras`)
      writeFileSync(file, (await exportModel(model, vocab, 'keras'))['model.keras'])
      const { output } = noGrad(() => model.forward(fromData(Int32Array.from(tokens), [2, 6])))
      expected.push([...output.reshape(6, 2, vocab.size).transpose(0, 1).reshape(-1).data])
      cases.push([file, tokens])
    }
    writeFileSync(path.join(folder, 'cases.json'), JSON.stringify(cases))
    const { status, stdout, stderr } = spawnSync(python, ['-c', script, path.join(folder, 'cases.json')], {
      env,
      encoding: 'utf8',
    })
    expect(status, stderr).toBe(0)
    const outputs: number[][] = JSON.parse(stdout)
    const differences = outputs.map((output, i) =>
      Math.max(...output.map((value, j) => Math.abs(value - expected[i][j]))),
    )
    expect(outputs.map(({ length }) => length)).toEqual(expected.map(({ length }) => length))
    expect(Math.max(...differences)).toBeLessThan(1e-5)
  },
)

test.each<[string, Partial<ModelSizes>, RegExp]>([
  ['layer normalization', { layerNorm: true }, /^exportModel: the model has layer normalization, which Keras/],
  [
    'a projection',
    { cell: 'lstm', hiddenSize: 3, projSize: 2 },
    /^exportModel: the LSTM has a projection .* safetensors/,
  ],
  ['peepholes', { cell: 'lstm', peepholes: true }, /^exportModel: the LSTM has peepholes.*; export it for onnx$/],
  [
    'a very large one-hot vocabulary',
    { vocabSize: 8193 },
    /^exportModel: the model takes 8193 tokens one-hot.*expected at most 8192/,
  ],
])('%s cannot be written', async (_name, config, message) => {
  const model = modelOf({ ...configs[0], hiddenSize: 2, ...config }, random)
  const tokens = Array.from({ length: model.vocabSize - 1 }, (_, i) => String.fromCodePoint(0x4e00 + i))
  for (const format of ['keras', 'tfjs'] as const) {
    const written = exportModel(model, Vocab.of(['<unk>', ...tokens]), format)
    await expect(written).rejects.toThrow(DataError)
    await expect(written).rejects.toThrow(message)
  }
})

test('a model that diverged cannot be written', async () => {
  const model = randomModel(configs[0])
  model.parameters()[0].data[1] = Number.NaN
  await expect(exportModel(model, vocab, 'tfjs')).rejects.toThrow(/^exportModel: .* has values that are not finite/)
})

test('without h5wasm, a sentence says how to install it', async () => {
  vi.doMock('h5wasm', () => {
    throw new Error('not installed')
  })
  const written = exportModel(randomModel(configs[0]), vocab, 'keras')
  await expect(written).rejects.toThrow(DataError)
  await expect(written).rejects.toThrow('install it with: npm install h5wasm')
  vi.doUnmock('h5wasm')
})

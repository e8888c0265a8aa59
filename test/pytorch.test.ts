import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importModel, importTensors, withVocab } from '../src/formats.js'
import {
  encodeModel,
  encodeStateDict,
  fromData,
  Generator,
  GRU,
  LSTM,
  RNN,
  RNNModel,
  type Tensor,
  Vocab,
} from '../src/index.js'
import { pythonWith } from './python.js'
import { relativeError } from './read-fixture.js'

const python = pythonWith('torch')
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-pytorch-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const bytes = (name: string) => new Uint8Array(readFileSync(path.join(folder, name)))

const generator = new Generator(5)
const classes = {
  rnn_tanh: RNN,
  rnn_relu: class extends RNN {
    constructor(options: ConstructorParameters<typeof RNN>[0]) {
      super({ ...options, nonlinearity: 'relu' })
    }
  },
  gru: GRU,
  lstm: LSTM,
}
const kinds = Object.keys(classes) as (keyof typeof classes)[]
const flags = [false, true]

/** All layers of all options: several layers, two directions, with and without bias, and with the batch first. */
const layers = kinds.flatMap((kind) =>
  [1, 3].flatMap((numLayers) =>
    flags.flatMap((bidirectional) =>
      flags.flatMap((bias) =>
        flags.map((batchFirst) => {
          const options = { inputSize: 5, hiddenSize: 6, numLayers, bidirectional, bias, batchFirst }
          const set = Object.entries(options)
            .filter(([, value]) => value === true)
            .map(([name]) => name)
          return { kind, options, file: [kind, numLayers, ...set].join('-') }
        }),
      ),
    ),
  ),
)
// With a projection, without biases, which the golden values of parity.test.ts have.
const projected = { inputSize: 5, hiddenSize: 6, projSize: 4, numLayers: 2, bidirectional: true, bias: false }
layers.push({ kind: 'lstm', options: { ...projected, batchFirst: true }, file: 'lstm-projected' })

const models = kinds.flatMap((kind) =>
  [
    { vocabSize: 9, hiddenSize: 7, numLayers: 1, bidirectional: false },
    { vocabSize: 9, hiddenSize: 4, numLayers: 2, bidirectional: true, embeddingSize: 6 },
    { vocabSize: 9, hiddenSize: 6, numLayers: 2, bidirectional: false, embeddingSize: 6, tieWeights: true },
  ].map((options, index) => ({ kind, options, file: `model-${kind}-${index}` })),
)

const newLayer = (kind: keyof typeof classes, options: ConstructorParameters<typeof RNN>[0]) =>
  new classes[kind]({ ...options, generator })

function newModel({ kind, options }: (typeof models)[number]): RNNModel {
  const { vocabSize, embeddingSize, tieWeights } = { embeddingSize: undefined, tieWeights: undefined, ...options }
  const { hiddenSize, numLayers, bidirectional } = options
  const rnn = newLayer(kind, { inputSize: embeddingSize ?? vocabSize, hiddenSize, numLayers, bidirectional })
  return new RNNModel(rnn as RNN, vocabSize, { embeddingSize, tieWeights, generator })
}

const vocab = Vocab.of(['<unk>', ...'abcdefgh'])

/** The largest difference so far, which a run by hand may want to know. */
let largest = 0
function expectClose(actual: Tensor, expected: Tensor, what: string): void {
  expect(actual.shape, what).toEqual(expected.shape)
  const error = relativeError(actual.data, expected.data)
  largest = Math.max(largest, error)
  expect(error, what).toBeLessThan(1e-5)
}

describe.skipIf(!python)('with PyTorch (skipped where no Python has it; Debian: apt-get install python3-torch)', () => {
  const own = new Map<string, ReturnType<typeof newLayer> | RNNModel>()
  let results: Record<string, Tensor>

  beforeAll(async () => {
    for (const one of layers) {
      const layer = newLayer(one.kind, one.options)
      own.set(one.file, layer)
      writeFileSync(path.join(folder, `${one.file}.safetensors`), await encodeStateDict(layer))
    }
    for (const one of models) {
      const model = newModel(one)
      own.set(one.file, model)
      writeFileSync(
        path.join(folder, `${one.file}.safetensors`),
        (await encodeModel(model, vocab))['model.safetensors'],
      )
    }
    writeFileSync(path.join(folder, 'cases.json'), JSON.stringify([...layers, ...models]))
    // One process for all cases, because it takes seconds to load PyTorch.
    const { status, stderr } = spawnSync(python!, ['test/pytorch.py', folder], { encoding: 'utf8' })
    expect(stderr.trim().split('\n').at(-1)).toBe('')
    expect(status).toBe(0)
    const tensors = await importTensors(bytes('results.safetensors'))
    results = Object.fromEntries(
      Object.entries(tensors).map(([name, { data, shape }]) => [name, fromData(data, shape)]),
    )
    const { torch, safetensors } = JSON.parse(readFileSync(path.join(folder, 'versions.json'), 'utf8'))
    const judge = safetensors
      ? `safetensors ${safetensors}`
      : 'its specification: this Python has no package safetensors'
    console.log(`PyTorch ${torch}; files of safetensors are judged by ${judge}`)
  })

  function expectLayer(layer: ReturnType<typeof newLayer>, file: string, side: string): void {
    const x = results[`${file}.input`]
    const { output, state } = layer.forward(x)
    expectClose(output, results[`${file}.${side}.output`], `${side}: output`)
    const states = 'h' in state ? state : { h: state }
    for (const [name, value] of Object.entries(states)) {
      expectClose(value as Tensor, results[`${file}.${side}.${name}`], `${side}: ${name}`)
    }
  }

  test.each(layers)(
    '$file: our file in PyTorch, and PyTorch’s two here, compute the same',
    async ({ kind, options, file }) => {
      expectLayer(own.get(file) as ReturnType<typeof newLayer>, file, 'ours')
      for (const format of ['pt', 'safetensors']) {
        const layer = newLayer(kind, options)
        layer.loadStateDict(await importTensors(bytes(`${file}-theirs.${format}`)))
        expectLayer(layer, file, 'theirs')
      }
    },
  )

  test.each(models)(
    '$file: our model in PyTorch, and PyTorch’s two here, compute the same',
    async ({ kind, options, file }) => {
      const tokens = results[`${file}.tokens`]
      expectClose((own.get(file) as RNNModel).forward(tokens).output, results[`${file}.ours.output`], 'ours')
      for (const format of ['pt', 'safetensors']) {
        const nonlinearity = kind === 'rnn_relu' ? 'relu' : undefined
        const found = await importModel(bytes(`${file}-theirs.${format}`), { nonlinearity })
        expect(found.config).toMatchObject(options)
        const { model } = withVocab(found, { tokens: vocab.tokens })
        expectClose(model.forward(tokens).output, results[`${file}.theirs.output`], `theirs, .${format}`)
      }
    },
  )

  afterAll(() => console.log(`the largest difference from PyTorch, relative to the largest value: ${largest}`))
})

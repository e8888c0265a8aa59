import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import '@tensorflow/tfjs-backend-cpu'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Generator } from '../../core/random.js'
import { Vocab } from '../../data/vocab.js'
import { noGrad } from '../../tensor/autograd.js'
import { fromData } from '../../tensor/create.js'
import { exportModel } from '../export.js'
import type { ForeignFile } from '../foreign.js'
import { importModel } from '../import.js'
import { type ModelSizes, VERSION } from '../model-config.js'
import { buildModel, modelOf } from '../model-of.js'
import { sourceOf } from '../source.js'

const random = new Generator(11)
const whole = (from: number, to: number) => from + Math.floor(random.uniform() * (to - from + 1))
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-tfjs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(async () => {
  // It does not recommend its own package for Node then.
  tf.env().set('IS_TEST', true)
  await tf.setBackend('cpu')
})

type Files = Readonly<Record<string, Uint8Array>>
type Model = Awaited<ReturnType<typeof layers.loadLayersModel>>

const parsed = (files: Files) => JSON.parse(new TextDecoder().decode(files['model.json']))
const opened = (files: Files): ForeignFile => ({
  name: 'model.json',
  source: sourceOf(files['model.json']),
  beside: async (name) => files[name] && sourceOf(files[name]),
})

/** The model that TensorFlow.js loads from files. */
function loaded(files: Files): Promise<Model> {
  const { modelTopology, weightsManifest, userDefinedMetadata } = parsed(files)
  const [{ paths, weights }] = weightsManifest
  return layers.loadLayersModel(
    tf.io.fromMemory({
      modelTopology,
      userDefinedMetadata,
      weightSpecs: weights,
      weightData: files[paths[0]].slice().buffer,
    }),
  )
}

/** What TensorFlow.js saves of a model. */
async function saved(model: Model): Promise<Files> {
  const files: Record<string, Uint8Array> = {}
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const handler = tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
    const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
    files['model.json'] = bytes({ modelTopology, weightsManifest })
    files['weights.bin'] = new Uint8Array(weightData as ArrayBuffer)
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
  })
  await model.save(handler)
  return files
}

/** Tokens for a batch of 2, and the scores of both models, [2, numSteps, vocabSize], with their largest difference. */
async function difference(theirs: Model, ours: ReturnType<typeof modelOf>, oneHot = false): Promise<number> {
  const steps = whole(2, 6)
  const { vocabSize } = ours
  const tokens = Int32Array.from({ length: 2 * steps }, () => whole(0, vocabSize - 1))
  const numbers = tf.tensor2d(tokens, [2, steps], 'int32')
  const scores = await (theirs.predict(oneHot ? tf.oneHot(numbers, vocabSize) : numbers) as tf.Tensor).data()
  const { output } = noGrad(() => ours.forward(fromData(tokens, [2, steps])))
  const own = output.reshape(steps, 2, vocabSize).transpose(0, 1).reshape(-1).data
  expect(scores).toHaveLength(own.length)
  return Math.max(...own.map((score, i) => Math.abs(score - scores[i])))
}

/** A model of a configuration with random parameters. */
function randomModel(config: ModelSizes) {
  const model = modelOf(config, random)
  for (const { data } of model.parameters()) data.set(data.map(() => random.normal() / 2))
  return model
}

const cells = ['rnn', 'gru', 'lstm'] as const
const kinds = [...cells, 'gru, reset before'].flatMap((name) =>
  [false, true].map((bidirectional) => ({ name, bidirectional })),
)

beforeAll(async () => {
  const model = randomModel({ ...sizesOf('gru', false), numLayers: 1, embeddingSize: 2 })
  const { 'gru.js': script } = await exportModel(model, vocabOf(model.vocabSize), 'tfjs')
  // Node takes .js for CommonJS unless a package.json says otherwise.
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(path.join(folder, 'gru.js'), script)
  const { registerGRU } = await import(/* @vite-ignore */ path.join(folder, 'gru.js'))
  registerGRU({ ...tf, ...layers })
})

describe('TensorFlow.js gives what it loads the same scores', () => {
  test.each(kinds)('$name, bidirectional: $bidirectional', async ({ name, bidirectional }) => {
    const cell = cells.find((one) => name.startsWith(one))!
    const resetAfter = name === 'gru, reset before' ? false : undefined
    for (const embeddingSize of [undefined, whole(1, 9)]) {
      for (const bias of [true, false]) {
        const model = randomModel({ ...sizesOf(cell, bidirectional), resetAfter, embeddingSize, bias })
        const files = await exportModel(model, vocabOf(model.vocabSize), 'tfjs')
        expect(await difference(await loaded(files), model)).toBeLessThan(1e-5)
        const { config, parameters, vocab } = await importModel(opened(files))
        expect(config).toMatchObject({ cell, bidirectional, bias, hiddenSize: model.rnn.hiddenSize })
        expect(config.embeddingSize).toBe(embeddingSize)
        expect(config.resetAfter).toBe(resetAfter)
        expect(Object.keys(files).includes('gru.js')).toBe(cell === 'gru' && resetAfter !== false)
        expect(vocab?.tokens).toEqual(vocabOf(model.vocabSize).tokens)
        const again = buildModel({ format: 'unrolled', version: VERSION, ...config }, parameters, 'test')
        expect(await difference(await loaded(files), again)).toBeLessThan(1e-5)
      }
    }
  })

  test('tied weights, relu, and its vocabulary', async () => {
    const sizes = { ...sizesOf('rnn', false), hiddenSize: 6, embeddingSize: 6, tieWeights: true }
    const model = randomModel({ ...sizes, nonlinearity: 'relu', numLayers: 1 })
    const files = await exportModel(model, vocabOf(model.vocabSize), 'tfjs')
    expect(await difference(await loaded(files), model)).toBeLessThan(1e-5)
    const { unrolled } = (await loaded(files)).getUserDefinedMetadata() as { unrolled: { tokens: string[] } }
    expect(unrolled.tokens).toEqual(vocabOf(model.vocabSize).tokens)
    expect((await importModel(opened(files))).config).toMatchObject({ tieWeights: true, nonlinearity: 'relu' })
  })
})

test('with gru.js, TensorFlow.js loads a GRU of Keras that its converter wrote', async () => {
  const place = path.resolve('test/fixtures/keras')
  const read = (name: string) => new Uint8Array(readFileSync(path.join(place, 'tfjs_gru', name)))
  const files = { 'model.json': read('model.json'), 'group1-shard1of1.bin': read('group1-shard1of1.bin') }
  const { tokens, shape, output } = JSON.parse(readFileSync(path.join(place, 'outputs.json'), 'utf8'))[
    'tfjs_gru/model.json'
  ]
  const scores = (await loaded(files)).predict(tf.tensor2d(tokens, [2, tokens.length / 2], 'int32')) as tf.Tensor
  expect(scores.shape).toEqual(shape)
  const differences = [...(await scores.data())].map((score, i) => Math.abs(score - output[i]))
  expect(Math.max(...differences)).toBeLessThan(1e-5)
})

function sizesOf(cell: ModelSizes['cell'], bidirectional: boolean): ModelSizes {
  const sizes = { vocabSize: whole(3, 12), hiddenSize: whole(2, 9), numLayers: whole(1, 3), dropout: 0 }
  return { cell, bidirectional, bias: true, ...sizes }
}

const vocabOf = (size: number) => Vocab.of(['<unk>', ...'abcdefghijklmnop'.slice(0, size - 1)])

describe('a model that TensorFlow.js made and saved has the same scores here', () => {
  const cellsOfTheirs = [
    ['simpleRNN', 'rnn'],
    ['lstm', 'lstm'],
    // Without gru.js, theirs resets the state before the product.
    ['gru', 'gru'],
  ] as const
  const cases = cellsOfTheirs.flatMap(([name, cell]) => [false, true].map((wrapped) => ({ name, cell, wrapped })))
  test.each(cases)('$name, bidirectional: $wrapped', async ({ name, cell, wrapped }) => {
    for (const oneHot of [true, false]) {
      const [vocabSize, units, numLayers] = [whole(3, 9), whole(2, 8), whole(1, 3)]
      const given = oneHot ? { inputShape: [null, vocabSize] } : {}
      const model = layers.sequential()
      if (!oneHot) {
        // Weights of layers that are not trained are saved after the others.
        const sizes = { inputDim: vocabSize, outputDim: whole(1, 6), inputShape: [null], trainable: false }
        model.add(layers.layers.embedding(sizes))
      }
      const initial = { recurrentInitializer: 'glorotNormal', biasInitializer: 'randomNormal' } as const
      for (let l = 0; l < numLayers; l++) {
        const useBias = whole(0, 1) === 1
        const options = { units, useBias, returnSequences: true, recurrentActivation: 'sigmoid' as const, ...initial }
        const layer = layers.layers[name](wrapped || l > 0 ? options : { ...options, ...given })
        const input = l === 0 ? given : {}
        model.add(
          wrapped ? layers.layers.bidirectional({ layer: layer as never, mergeMode: 'concat', ...input }) : layer,
        )
      }
      model.add(layers.layers.dropout({ rate: 0.3 }))
      model.add(layers.layers.timeDistributed({ layer: layers.layers.dense({ units: vocabSize, useBias: oneHot }) }))
      const { config, parameters } = await importModel(opened(await saved(model)))
      expect(config).toMatchObject({ cell, numLayers, hiddenSize: units, bidirectional: wrapped })
      const ours = buildModel({ format: 'unrolled', version: VERSION, ...config }, parameters, 'test')
      expect(await difference(model, ours, oneHot)).toBeLessThan(1e-5)
    }
  })

  test.each([
    ['float16', 2],
    ['uint16', 2],
    ['uint8', 1],
  ] as const)('weights that are quantized to %s', async (dtype, width) => {
    const model = randomModel({ ...sizesOf('lstm', false), embeddingSize: 3 })
    const files = { ...(await exportModel(model, vocabOf(model.vocabSize), 'tfjs')) }
    const json = parsed(files)
    const [{ paths, weights }] = json.weightsManifest
    for (const weight of weights) weight.quantization = { dtype, ...(dtype !== 'float16' && { scale: 3e-5, min: -1 }) }
    files['model.json'] = new TextEncoder().encode(JSON.stringify(json))
    const count = files[paths[0]].length / 4
    // The upper byte of a half is below 60, so that values are below 1.
    files[paths[0]] = Uint8Array.from({ length: count * width }, (_, i) =>
      whole(0, i % 2 === 1 && dtype === 'float16' ? 59 : 255),
    )
    const { config, parameters } = await importModel(opened(files))
    const ours = buildModel({ format: 'unrolled', version: VERSION, ...config }, parameters, 'test')
    expect(await difference(await loaded(files), ours)).toBeLessThan(1e-5)
  })
})

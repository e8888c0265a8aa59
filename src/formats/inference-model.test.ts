import { afterEach, describe, expect, test } from 'vitest'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { beamSearch } from '../generate/beam.js'
import { generateAll } from '../generate/generate.js'
import { referenceKernels, useKernels, wasmKernels } from '../kernels/index.js'
import { noGrad } from '../tensor/autograd.js'
import { fromData } from '../tensor/create.js'
import { decodeInferenceModel } from './inference-model.js'
import type { ModelConfig } from './model-config.js'
import { modelOf } from './model-of.js'
import { decodeModel, encodeModel } from './saved-model.js'

const kernels = wasmKernels({ threads: 1 })
afterEach(() => useKernels(kernels))

const vocab = Vocab.count('the time traveller for so it will be')
const sizes = { vocabSize: vocab.size, hiddenSize: 12, numLayers: 2, bias: true, bidirectional: false, dropout: 0 }

const configs: [string, Partial<ModelConfig> & Pick<ModelConfig, 'cell'>][] = [
  ['RNN', { cell: 'rnn' }],
  ['RNN with relu', { cell: 'rnn', nonlinearity: 'relu' }],
  ['GRU without biases', { cell: 'gru', bias: false }],
  ['LSTM with an embedding', { cell: 'lstm', embeddingSize: 5 }],
  ['LSTM with tied weights', { cell: 'lstm', embeddingSize: 12, tieWeights: true }],
  ['normalized RNN', { cell: 'rnn', layerNorm: true }],
  ['normalized GRU with an embedding', { cell: 'gru', layerNorm: true, embeddingSize: 7 }],
  ['normalized LSTM', { cell: 'lstm', layerNorm: true }],
  ['LSTM with a projection', { cell: 'lstm', projSize: 5 }],
  ['LSTM with peepholes', { cell: 'lstm', peepholes: true, bias: false }],
  [
    'LSTM with both and tied weights',
    { cell: 'lstm', projSize: 5, peepholes: true, embeddingSize: 5, tieWeights: true },
  ],
  ['MinGRU with an embedding', { cell: 'mingru', embeddingSize: 5 }],
  ['MinLSTM without biases', { cell: 'minlstm', bias: false }],
  ['normalized LSTM without biases', { cell: 'lstm', layerNorm: true, bias: false, numLayers: 1 }],
]

/** The files of a new model whose gains and biases differ from their initial values. */
async function saved(config: Partial<ModelConfig> & Pick<ModelConfig, 'cell'>) {
  const generator = new Generator(7)
  const model = modelOf({ ...sizes, ...config }, generator)
  for (const { data } of model.parameters()) data.set(data.map((value) => 2 * value + 0.3 * generator.normal()))
  return encodeModel(model, vocab)
}

describe.each([
  ['WebAssembly', () => wasmKernels({ threads: 1 })],
  ['the reference in double precision', () => referenceKernels('float64')],
])('on %s', (_, kernels) => {
  test.each(configs)('a saved %s has the scores that RNNModel.forward has', async (_name, config) => {
    useKernels(kernels())
    const files = await saved(config)
    const full = await decodeModel(files)
    const { model } = await decodeInferenceModel(files)
    const tokens = Int32Array.of(3, 1, 4, 1, 5, 9, 2, 6)
    const stepper = model.stepper(2)
    const rows = [tokens.subarray(0, 4), tokens.subarray(4)]
    for (let t = 0; t < 4; t++) {
      const scores = await stepper.step(Int32Array.of(rows[0][t], rows[1][t]))
      const { output } = noGrad(() =>
        full.model.forward(fromData(Int32Array.from(rows.flatMap((row) => [...row.subarray(0, t + 1)])), [2, t + 1])),
      )
      const expected = output.data.subarray(-2 * vocab.size)
      expect(Math.max(...scores.map((score, i) => Math.abs(score - expected[i])))).toBeLessThan(2e-5)
    }
    stepper.free()
  })
})

test('makes the same texts as the whole model, by every function', async () => {
  for (const [, config] of configs) {
    const files = await saved(config)
    const { model } = await decodeInferenceModel(files)
    const full = await decodeModel(files)
    const options = { prefix: 'time', length: 30, samples: 3, temperature: 1 }
    const texts = await generateAll(model, vocab, { ...options, generator: new Generator(1) })
    expect(texts).toEqual(await generateAll(full.model, vocab, { ...options, generator: new Generator(1) }))
    const best = await beamSearch(model, vocab, { prefix: 'the', length: 10 })
    expect(best).toEqual(await beamSearch(full.model, vocab, { prefix: 'the', length: 10 }))
  }
})

test('keeps the weights of its making, whatever happens to the arrays of the file later', async () => {
  const files = await saved({ cell: 'lstm', layerNorm: true })
  const { model } = await decodeModel(files)
  const stepper = model.stepper()
  const before = [...(await stepper.step(Int32Array.of(1)))]
  for (const { data } of model.parameters()) data.fill(0)
  stepper.setState(0, undefined)
  expect([...(await stepper.step(Int32Array.of(1)))]).toEqual(before)
})

test('a bidirectional model is refused by name, and so is a damaged file', async () => {
  const { model } = await decodeInferenceModel(await saved({ cell: 'gru', bidirectional: true }))
  expect(() => model.stepper()).toThrow('InferenceModel.stepper: the model is bidirectional, expected one direction')
  await expect(generateAll(model, vocab)).rejects.toThrow('generateAll: the model is bidirectional')
  const files = await saved({ cell: 'gru' })
  files['model.safetensors'][1000] ^= 1
  await expect(decodeInferenceModel(files, 'page')).rejects.toThrow('page/model.safetensors: the file is not the one')
})

test('a state goes only to steppers of the same layers: another would write beyond its row of the kernels’ memory', async () => {
  const stepperOf = async (config: Parameters<typeof saved>[0]) => {
    const { model } = await decodeInferenceModel(await saved(config))
    return model.stepper(2)
  }
  const [small, same] = [await stepperOf({ cell: 'gru' }), await stepperOf({ cell: 'gru' })]
  await small.step(Int32Array.of(1, 2))
  same.setState(1, small.stateOf(0))
  const others = [{ cell: 'gru', hiddenSize: 40 }, { cell: 'lstm' }, { cell: 'gru', layerNorm: true }] as const
  for (const other of others) {
    const state = (await stepperOf(other)).stateOf(0)
    expect(() => small.setState(0, state)).toThrow(
      /^Stepper.setState: state is that of 2 .*, expected what stateOf gave of 2/,
    )
  }
  for (const wrong of ['x', [], [new Float32Array(12)], null, 3]) {
    expect(() => small.setState(0, wrong as never)).toThrow(
      /^Stepper.setState: state is .*, expected what stateOf gave/,
    )
  }
})

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { ModelSizes } from '../../src/formats/model-config.js'
import { configOf, modelOf } from '../../src/formats/model-of.js'
import type { TensorValues } from '../../src/formats/safetensors.js'
import { exportModel, importModel, withVocab } from '../../src/formats.js'
import {
  Adam,
  DataError,
  fromData,
  Generator,
  GRU,
  predict,
  RNNModel,
  SequenceData,
  train,
  Vocab,
} from '../../src/index.js'
import { splitState } from '../../src/nn/recurrent-state.js'
import { Runtime } from './runtime.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-onnx-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// A Python with the package onnx, such as that of a virtual environment.
const python = process.env.UNROLLED_PYTHON ?? 'python3'
const noChecker = spawnSync(python, ['-c', 'import onnx.checker']).status !== 0

const vocab = Vocab.of(['<unk>', ...' abcdefghijklmnopqrstuvwxyzé'])
const shared = { vocabSize: vocab.size, hiddenSize: 24, numLayers: 1, bias: true, bidirectional: false, dropout: 0 }
const variants: [string, ModelSizes][] = [
  ['rnn of the book', { ...shared, cell: 'rnn' }],
  ['rnn with relu, without biases', { ...shared, cell: 'rnn', nonlinearity: 'relu', bias: false }],
  ['gru of 2 layers with dropout', { ...shared, cell: 'gru', numLayers: 2, dropout: 0.5, outputDropout: 0.5 }],
  ['lstm of 3 layers with an embedding', { ...shared, cell: 'lstm', numLayers: 3, embeddingSize: 10 }],
  ['lstm with tied weights', { ...shared, cell: 'lstm', embeddingSize: 24, tieWeights: true }],
  ['lstm with peepholes', { ...shared, cell: 'lstm', numLayers: 2, peepholes: true, bidirectional: true }],
  ['lstm with peepholes without biases', { ...shared, cell: 'lstm', bias: false, peepholes: true }],
  ['gru in two directions', { ...shared, cell: 'gru', numLayers: 2, bidirectional: true }],
  [
    'gru that resets before the product',
    { ...shared, cell: 'gru', numLayers: 2, bidirectional: true, resetAfter: false },
  ],
  ['rnn with relu in two directions', { ...shared, cell: 'rnn', nonlinearity: 'relu', bidirectional: true }],
]

const modelWith = (sizes: ModelSizes): RNNModel => modelOf(sizes, new Generator(3)).eval()

const text = 'it was at ten o clock today that the first of all time machines began its career he gave it a last tap '

/** A model that has learned a text, so that it does not continue one with a loop of a few characters. */
async function trained(sizes: ModelSizes): Promise<RNNModel> {
  const model = modelOf(sizes, new Generator(3))
  const data = new SequenceData(vocab.encode(text.repeat(4)), {
    batchSize: 4,
    numSteps: 16,
    generator: new Generator(4),
  })
  const optimizer = new Adam(model.parameters(), { lr: 0.02 })
  await train(model, data, vocab, { optimizer, epochs: 25, clip: 1, report: 'silent' })
  return model.eval()
}

const bytesOf = async (model: RNNModel): Promise<Uint8Array> =>
  (await exportModel(model, vocab, 'onnx', { clean: true, epochs: 3 }))['model.onnx']

const zeroStates = (model: RNNModel, batch: number): Record<string, TensorValues> => {
  const { numLayers, numDirections, hiddenSize, kind } = model.rnn
  const shape = [numLayers * numDirections, batch, hiddenSize]
  const zeros = () => ({ data: new Float32Array(numLayers * numDirections * batch * hiddenSize), shape })
  return { h0: zeros(), ...(kind === 'lstm' && { c0: zeros() }) }
}

/** The largest difference of values. */
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (value, i) => Math.abs(value - b[i])).reduce((most, one) => Math.max(most, one), 0)

describe.each(variants)('a model exported as ONNX: %s', (_, sizes) => {
  const model = modelWith(sizes)

  test('has the same scores and states in ONNX Runtime, for batches and steps of any length', async () => {
    const runtime = await Runtime.load(await bytesOf(model))
    const generator = new Generator(5)
    let states = zeroStates(model, 3)
    let own: ReturnType<RNNModel['beginState']> | undefined
    for (const steps of [7, 1, 4]) {
      const data = Int32Array.from({ length: 3 * steps }, () => generator.bits() % vocab.size)
      const tokens = { data, shape: [3, steps] }
      const { logits, hn, cn } = await runtime.run({ tokens, ...states })
      const { output, state } = model.forward(fromData(data, [3, steps]), own)
      expect(logits.shape).toEqual([3, steps, vocab.size])
      const batchFirst = output.reshape(steps, 3, vocab.size).transpose(0, 1).reshape(-1)
      expect(distance(logits.data, batchFirst.data)).toBeLessThan(1e-5)
      const { h, c } = splitState('the test', model.rnn.kind, state, hn.shape.slice(0, -1), 'layers, batch', model.rnn)
      expect(distance(hn.data, h.data)).toBeLessThan(1e-5)
      if (cn) expect(distance(cn.data, c!.data)).toBeLessThan(1e-5)
      states = { h0: hn, ...(cn && { c0: cn }) }
      own = state
    }
    await runtime.release()
  })

  test('comes back with the same parameters and vocabulary', async () => {
    const found = await importModel(await bytesOf(model))
    expect(found.vocab).toEqual({ kind: 'char', tokens: vocab.tokens })
    expect(found.training).toEqual({ clean: true })
    const { model: again } = withVocab(found, found.vocab!)
    const parameters = again.stateDict()
    expect(Object.keys(parameters)).toEqual(Object.keys(model.stateDict()))
    for (const [name, { data }] of Object.entries(model.stateDict())) {
      expect(distance(parameters[name].data, data), name).toBe(0)
    }
    const { dropout: _dropout, outputDropout: _outputDropout, ...rest } = configOf(model)
    expect(configOf(again)).toMatchObject(rest)
  })
})

const learning = (['rnn', 'gru', 'lstm'] as const).map((cell) => ({ ...shared, cell, hiddenSize: 32 }))
test.each(learning)('ONNX Runtime continues a text greedily with the same 500 characters: $cell', async (sizes) => {
  const model = await trained(sizes)
  const expected = await predict('time', 500, model, vocab)
  const runtime = await Runtime.load(await bytesOf(model))
  let made = 'time'
  let states = zeroStates(model, 1)
  let next = vocab.encode(made)
  for (let i = 0; i < 500; i++) {
    const { logits, hn, cn } = await runtime.run({ tokens: { data: next, shape: [1, next.length] }, ...states })
    states = { h0: hn, ...(cn && { c0: cn }) }
    const scores = [...logits.data.slice(-vocab.size)]
    next = Int32Array.of(scores.indexOf(Math.max(...scores)))
    made += vocab.tokenOf(next[0])
  }
  await runtime.release()
  expect(made).toBe(expected)
  expect(new Set(made.slice(-100)).size).toBeGreaterThan(5)
})

test.skipIf(noChecker)('the checker of the package onnx finds nothing (skipped without python3 and onnx)', async () => {
  const files = variants.map(([name]) => path.join(folder, `${name}.onnx`))
  for (const [i, [, sizes]] of variants.entries()) writeFileSync(files[i], await bytesOf(modelWith(sizes)))
  const script = `import sys, onnx
for file in sys.argv[1:]:
    onnx.checker.check_model(file, full_check=True)
    print(onnx.load(file).opset_import[0].version)`
  const { stderr, stdout } = spawnSync(python, ['-c', script, ...files], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toEqual(variants.map(() => '14'))
})

test('layer normalization and values that are not finite are refused', async () => {
  const normalized = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 4, layerNorm: true }), vocab.size)
  await expect(exportModel(normalized, vocab, 'onnx')).rejects.toThrow(DataError)
  await expect(exportModel(normalized, vocab, 'onnx')).rejects.toThrow('layer normalization')
  const diverged = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 4 }), vocab.size)
  diverged.linear.bias!.copy_(new Float32Array(vocab.size).fill(Number.NaN))
  await expect(exportModel(diverged, vocab, 'onnx')).rejects.toThrow('linear.bias has values that are not finite')
})

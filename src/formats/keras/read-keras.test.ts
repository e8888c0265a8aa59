import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { Generator } from '../../core/random.js'
import { noGrad } from '../../tensor/autograd.js'
import { fromData } from '../../tensor/create.js'
import type { ForeignFile, ForeignModel } from '../foreign.js'
import { importModel, importTensors } from '../import.js'
import { VERSION } from '../model-config.js'
import { buildModel } from '../model-of.js'
import { sourceOf } from '../source.js'

// test/fixtures/make_keras_fixtures.py makes the files and their outputs.
const folder = path.resolve('test/fixtures/keras')
interface Output {
  tokens: number[]
  /** [batch, numSteps, vocabSize], or without numSteps if the model gives the last step alone. */
  shape: number[]
  output: number[]
}
const outputs: Record<string, Output> = JSON.parse(readFileSync(path.join(folder, 'outputs.json'), 'utf8'))

const bytesOf = (name: string) => new Uint8Array(readFileSync(path.join(folder, name)))
const opened = (name: string): ForeignFile => ({
  name,
  source: sourceOf(bytesOf(name)),
  beside: async (other) => sourceOf(bytesOf(path.join(path.dirname(name), other))),
})

/** Scores of a model for tokens of two sequences, [batch, numSteps, vocabSize]. */
function scoresOf({ config, parameters }: ForeignModel, tokens: number[]): number[] {
  const whole = { format: 'unrolled', version: VERSION, ...config } as const
  const model = buildModel(whole, parameters, 'test', new Generator(1))
  const { output } = noGrad(() => model.forward(fromData(Int32Array.from(tokens), [2, tokens.length / 2])))
  const steps = output.reshape(tokens.length / 2, 2, config.vocabSize)
  return [...steps.transpose(0, 1).reshape(-1).data]
}

function softmax(scores: number[], size: number): number[] {
  return scores.flatMap((_, i) => {
    if (i % size > 0) return []
    const exps = scores.slice(i, i + size).map(Math.exp)
    const sum = exps.reduce((a, b) => a + b)
    return exps.map((value) => value / sum)
  })
}

const files: [file: string, config: object, softmax?: boolean][] = [
  ['lstm_embedding.keras', { cell: 'lstm', numLayers: 2, embeddingSize: 4 }],
  ['gru_softmax.h5', { cell: 'gru', bidirectional: true, embeddingSize: undefined }, true],
  ['rnn_functional.keras', { cell: 'rnn', nonlinearity: 'relu', bias: false }],
  ['gru.weights.h5', { cell: 'gru', numLayers: 2 }],
  ['keras2_gru.h5', { cell: 'gru', bidirectional: true, embeddingSize: 3 }],
  ['keras2_lstm_weights.h5', { cell: 'lstm', numLayers: 2 }],
  ['keras2_rnn.keras', { cell: 'rnn', nonlinearity: 'tanh', embeddingSize: 3 }],
  ['tfjs_keras2/model.json', { cell: 'lstm', embeddingSize: 3 }],
  ['tfjs_gru/model.json', { cell: 'gru', bidirectional: true }],
  ['tfjs_keras3/model.json', { cell: 'gru', bidirectional: true }, true],
  ['tfjs_last/model.json', { cell: 'lstm', embeddingSize: 3 }, true],
]

describe('scores are those that Keras computed', () => {
  test.each(files)('%s', async (file, config, probabilities = false) => {
    const { tokens, shape, output } = outputs[file]
    const model = await importModel(opened(file))
    expect(model.config).toMatchObject({ vocabSize: 7, ...config })
    const scores = scoresOf(model, tokens)
    const [steps, size] = [tokens.length / 2, 7]
    const own = probabilities ? softmax(scores, size) : scores
    const compared = shape.length === 3 ? own : own.filter((_, i) => Math.floor(i / size) % steps === steps - 1)
    expect(compared).toHaveLength(output.length)
    expect(Math.max(...compared.map((value, i) => Math.abs(value - output[i])))).toBeLessThan(1e-5)
    expect(model.found.join('\n').includes('softmax is left out')).toBe(probabilities)
    expect(model.found.join('\n').includes('after the last token alone')).toBe(shape.length === 2)
  })
})

test.each([
  [
    'lstm_embedding.keras',
    'lstm',
    { embedding: ['weight'], lstm_1: ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'] },
  ],
  [
    'gru_softmax.h5',
    'bidirectional',
    { bidirectional: ['weight_hh_l0', 'weight_hh_l0_reverse'], time_distributed: ['weight', 'bias'] },
  ],
  ['gru.weights.h5', 'gru', { gru: ['weight_hh_l0'], gru_1: ['weight_hh_l0'], dense: ['weight', 'bias'] }],
  ['tfjs_keras3/model.json', 'bidirectional', { bidirectional: ['bias_ih_l0', 'bias_ih_l0_reverse'] }],
])('the tensors of %s have the names of its layers, and are those of its model', async (file, first, expected) => {
  const tensors = await importTensors(opened(file))
  for (const [layer, names] of Object.entries(expected)) {
    for (const name of names) expect(Object.keys(tensors)).toContain(`${layer}.${name}`)
  }
  const { parameters } = await importModel(opened(file))
  expect(tensors[`${first}.weight_hh_l0`]).toEqual(parameters['rnn.weight_hh_l0'])
})

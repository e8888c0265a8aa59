import { describe, expect, test } from 'vitest'
import { formatError } from '../../../test/format-error.js'
import { Generator } from '../../core/random.js'
import { Vocab } from '../../data/vocab.js'
import { exportModel } from '../export.js'
import type { ForeignOptions } from '../foreign.js'
import { importModel } from '../import.js'
import type { ModelSizes } from '../model-config.js'
import { modelOf } from '../model-of.js'
import { sourceOf } from '../source.js'

/** JSON in which 'deep' stands for arrays that are nested more deeply than JavaScript calls functions. */
const nested = (json: unknown) =>
  new TextEncoder().encode(JSON.stringify(json).replace('"deep"', '['.repeat(50_000) + ']'.repeat(50_000)))

const vocab = Vocab.of(['<unk>', ...'abcd'])
const sizes = { vocabSize: vocab.size, hiddenSize: 3, numLayers: 2, bias: true, bidirectional: false, dropout: 0 }

// biome-ignore lint/suspicious/noExplicitAny: tests change any part of a file
type Json = any

/** What the import of a model.json says, once a test has changed it or the files beside it. */
async function refusal(
  change: (json: Json, layers: Json[], files: Record<string, Uint8Array>) => void,
  config: Partial<ModelSizes> & Pick<ModelSizes, 'cell'> = { cell: 'lstm' },
  options: ForeignOptions = {},
): Promise<string> {
  const model = modelOf({ ...sizes, embeddingSize: 4, ...config }, new Generator(2))
  const files = { ...(await exportModel(model, vocab, 'tfjs')) }
  const json = JSON.parse(new TextDecoder().decode(files['model.json']))
  // Of layers with two: the input, an embedding, two recurrent layers, and the output.
  change(json, json.modelTopology.config.layers, files)
  const beside = async (name: string) => files[name] && sourceOf(files[name])
  return formatError(importModel({ name: 'model.json', source: sourceOf(nested(json)), beside }, options))
}

describe('options under which a layer computes what no layer here does', () => {
  test.each<[string, Json, string]>([
    ['recurrent_activation', 'hard_sigmoid', 'lstm has recurrent_activation = hard_sigmoid, expected sigmoid'],
    ['activation', 'relu', 'lstm has activation = relu, expected tanh'],
    ['activation', { class_name: 'function', config: 'mine' }, 'lstm has activation = {"class_name":"function"'],
    ['go_backwards', true, 'lstm has go_backwards = true, expected false'],
    ['time_major', true, 'lstm has time_major = true, expected false'],
    ['return_state', true, 'lstm has return_state = true, expected false'],
    ['return_sequences', false, 'lstm has return_sequences = false, expected true'],
  ])('%s = %o', async (option, value, message) => {
    expect(await refusal((_, layers) => Object.assign(layers[2].config, { [option]: value }))).toContain(message)
  })

  test('those that change nothing pass', async () => {
    await expect(
      refusal((_, layers) => {
        Object.assign(layers[2].config, { stateful: true, unroll: true, implementation: 2, unit_forget_bias: false })
      }),
    ).rejects.toThrow('expected undefined to be an instance of FormatError')
  })

  test('a GRU whose bias is not that of its reset_after', async () => {
    const gru = { cell: 'gru', numLayers: 1 } as const
    const reset = (given: object, value: boolean) =>
      refusal((_, layers) => Object.assign(layers[2].config, { reset_after: value }), { ...gru, ...given })
    expect(await reset({}, false)).toContain('gru: its bias has the shape [2, 9], expected [9]')
    expect(await reset({ resetAfter: false }, true)).toContain('gru: its bias has the shape [9], expected [2, 9]')
  })

  test.each<[string, (config: Json) => void, string]>([
    ['sum', (config) => Object.assign(config, { merge_mode: 'sum' }), 'has merge_mode = sum, expected concat'],
    ['last', ({ layer }) => Object.assign(layer.config, { return_sequences: false }), 'has return_sequences = false'],
    [
      'inner',
      ({ layer }) => Object.assign(layer, { class_name: 'Dense' }),
      'has layer = Dense, expected SimpleRNN, GRU',
    ],
    ['none', (config) => Object.assign(config, { layer: null }), 'bidirectional.layer is null, expected Object'],
    [
      'two kinds',
      (config) =>
        Object.assign(config, { backward_layer: { class_name: 'SimpleRNN', config: { return_sequences: true } } }),
      'has backward_layer = SimpleRNN, expected one like the forward layer, LSTM',
    ],
  ])('a bidirectional layer: %s', async (_name, change, message) => {
    const bidirectional = { cell: 'lstm', bidirectional: true } as const
    expect(await refusal((_, layers) => change(layers[2].config), bidirectional)).toContain(message)
  })
})

describe('models of other layers', () => {
  test.each<[string, (json: Json, layers: Json[]) => void, string]>([
    [
      'an unknown layer',
      (_, layers) => Object.assign(layers[2], { class_name: 'Conv1D' }),
      'lstm is a layer of the class Conv1D',
    ],
    ['an inherited name', (_, layers) => Object.assign(layers[2], { class_name: 'toString' }), 'of the class toString'],
    ['no output', (_, layers) => layers.pop(), 'the layers are embedding, recurrent, recurrent, expected'],
    ['two outputs', (_, layers) => layers.push(layers[4]), 'recurrent, dense, dense, expected'],
    [
      'a softmax within',
      (_, layers) => layers.splice(3, 0, { class_name: 'Softmax', config: {} }),
      'recurrent, softmax, recurrent',
    ],
    [
      'two softmaxes',
      (_, layers) => {
        layers[4].config.activation = 'softmax'
        layers.push({ class_name: 'Activation', config: { activation: 'softmax' } })
      },
      'dense, softmax, softmax',
    ],
    [
      'another activation',
      (_, layers) => Object.assign(layers[4].config, { activation: 'relu' }),
      'dense has activation = relu',
    ],
    [
      'two kinds',
      (_, layers) => Object.assign(layers[3], { class_name: 'SimpleRNN' }),
      'lstm_1: its recurrent_kernel has the shape',
    ],
    ['a model of a class', (json) => Object.assign(json.modelTopology, { class_name: 'Mine' }), 'of the class Mine'],
    ['no layers', (json) => Object.assign(json.modelTopology.config, { layers: 3 }), 'layers is 3, expected Array'],
    ['a layer of null', (_, layers) => layers.push(null), 'layers.5 is null, expected Object'],
    ['a layer without options', (_, layers) => layers.push({ class_name: 'Dense' }), 'layers.5.config is undefined'],
    ['no topology', (json) => delete json.modelTopology, 'there is no modelTopology'],
    [
      'a graph model',
      (json) => Object.assign(json, { format: 'graph-model' }),
      'it is a graph model, expected a layers',
    ],
  ])('%s', async (_name, change, message) => {
    expect(await refusal(change)).toContain(message)
  })

  test('another number of units', async () => {
    const message = await refusal((json) => {
      const weights: { name: string; shape: number[] }[] = json.weightsManifest[0].weights
      const shapeOf = (name: string, shape: number[]) =>
        Object.assign(weights.find((weight) => weight.name === name)!, { shape })
      shapeOf('lstm_1/kernel', [3, 4])
      shapeOf('lstm_1/recurrent_kernel', [1, 4])
      shapeOf('lstm_1/bias', [4])
      const used = 12 + 4 + 4
      weights.push({ name: 'rest/bias', shape: [36 + 36 + 12 - used], dtype: 'float32' } as never)
    })
    expect(message).toContain(
      'lstm_1 is a layer lstm of 1 units after one lstm of 3, expected layers of one kind and size',
    )
  })

  test('none for the mask that an Embedding makes, which is a node of its own in a Functional model of Keras 3', async () => {
    const from = (name: string, kwargs = {}) => {
      const args = [{ class_name: '__keras_tensor__', config: { keras_history: [name, 0, 0] } }]
      return [{ args, kwargs }]
    }
    const masked = refusal((json, layers) => {
      json.modelTopology.class_name = 'Functional'
      const [mask] = from('not_equal')[0].args
      for (const [i, layer] of layers.entries()) {
        layer.inbound_nodes = i === 0 ? [] : from(layers[i - 1].config.name, i === 2 || i === 3 ? { mask } : {})
      }
      const inbound_nodes = from(layers[0].config.name)
      layers.splice(2, 0, { class_name: 'NotEqual', config: { name: 'not_equal' }, inbound_nodes })
    })
    await expect(masked).rejects.toThrow('expected undefined to be an instance of FormatError')
  })

  test('layers side by side, in a circle or apart, in a Functional model', async () => {
    const functional = (change: (nodes: Record<string, Json>) => void) =>
      refusal((json, layers) => {
        json.modelTopology.class_name = 'Functional'
        const nodes: Record<string, Json> = {}
        for (const [i, layer] of layers.entries()) {
          layer.inbound_nodes = i === 0 ? [] : [[[layers[i - 1].config.name, 0, 0, {}]]]
          nodes[layer.config.name] = layer
        }
        change(nodes)
      })
    await expect(functional(() => {})).rejects.toThrow('expected undefined to be an instance of FormatError')
    const from = (...names: string[]) => [names.map((name) => [name, 0, 0, {}])]
    expect(await functional((nodes) => Object.assign(nodes.lstm_1, { inbound_nodes: from('embedding') }))).toContain(
      'lstm and lstm_1 begin or go on side by side',
    )
    expect(
      await functional((nodes) => Object.assign(nodes.dense, { inbound_nodes: from('lstm', 'lstm_1') })),
    ).toContain('dense takes 2 inputs, expected a chain')
    expect(await functional((nodes) => Object.assign(nodes.lstm, { inbound_nodes: from('lstm_1') }))).toContain(
      '2 of 5 layers follow one another',
    )
    expect(await functional((nodes) => Object.assign(nodes.dense, { inbound_nodes: 'deep' }))).toContain(
      'dense takes 0 inputs',
    )
  })

  test('what the user says otherwise', async () => {
    expect(await refusal(() => {}, { cell: 'lstm' }, { cell: 'gru' })).toContain('expected a GRU')
    const relu = { cell: 'rnn', nonlinearity: 'relu' } as const
    expect(await refusal(() => {}, relu, { nonlinearity: 'tanh' })).toContain('has the activation relu, expected tanh')
  })
})

describe('weights', () => {
  const shard = 'group1-shard1of1.bin'
  test.each<[string, (json: Json, layers: Json[], files: Record<string, Uint8Array>) => void, RegExp]>([
    ['a missing shard', (_, __, files) => delete files[shard], /^model.json: group1-shard1of1.bin is missing/],
    [
      'a short shard',
      (_, __, files) => Object.assign(files, { [shard]: files[shard].subarray(4) }),
      / have \d+ bytes, expected \d+/,
    ],
    [
      'a long shard',
      (_, __, files) => Object.assign(files, { [shard]: new Uint8Array(9999) }),
      / have 9999 bytes, expected/,
    ],
    [
      'a huge claim',
      ({ weightsManifest: [{ weights }] }) => Object.assign(weights[0], { shape: [2 ** 40, 2 ** 40] }),
      / bytes, expected \d/,
    ],
    [
      'a shape of less than nothing',
      ({ weightsManifest: [{ weights }] }) => Object.assign(weights[0], { shape: [-1] }),
      /is -1, expected a whole/,
    ],
    [
      'another type',
      ({ weightsManifest: [{ weights }] }) => Object.assign(weights[0], { dtype: 'string' }),
      /is "string", expected "float32"/,
    ],
    [
      'one twice',
      ({ weightsManifest: [{ weights }] }) => Object.assign(weights[2], { name: weights[1].name }),
      /two weights lstm\/kernel/,
    ],
    [
      'one too few',
      ({ weightsManifest: [{ weights }] }) => Object.assign(weights[2], { name: 'other/kernel' }),
      /lstm: its recurrent_kernel is missing/,
    ],
    [
      'one of another kind',
      ({ weightsManifest: [{ weights }] }) => Object.assign(weights[2], { name: 'lstm/gamma' }),
      /lstm\/gamma is a weight that no layer here has/,
    ],
    [
      'another shape',
      ({ weightsManifest: [{ weights }] }) => Object.assign(weights[1], { shape: [12, 4] }),
      /lstm: its kernel has the shape \[12, 4\], expected \[12, 12\]/,
    ],
    [
      'one axis',
      ({ weightsManifest: [{ weights }] }) => Object.assign(weights[0], { shape: [20] }),
      /embedding: its embeddings has 1 axes/,
    ],
    ['no manifest', (json) => delete json.weightsManifest, /weightsManifest is undefined, expected Array/],
  ])('%s', async (_name, change, message) => {
    expect(await refusal(change)).toMatch(message)
  })

  test('a model.json without what lies beside it', async () => {
    const files = await exportModel(modelOf({ ...sizes, cell: 'rnn' }, new Generator(1)), vocab, 'tfjs')
    expect(await formatError(importModel(files['model.json']))).toContain('expected the file with what lies beside it')
  })
})

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { buildModel } from '../../src/formats/model-of.js'
import { int } from '../../src/formats/onnx/graph-builder.js'
import { decodeMessage, encodeMessage, type ModelProto, modelMessage } from '../../src/formats/onnx/proto.js'
import { DataType } from '../../src/formats/onnx/tensor.js'
import { joined, sourceOf } from '../../src/formats/source.js'
import { decodeOnnx, importModel, importTensors } from '../../src/formats.js'
import { FormatError, fromData } from '../../src/index.js'
import { Runtime } from './runtime.js'

const folder = fileURLToPath(new URL('../fixtures/onnx', import.meta.url))
const bytesOf = (name: string) => new Uint8Array(readFileSync(path.join(folder, `${name}.onnx`)))
const imported = (name: string) => importModel({ name: `${name}.onnx`, source: sourceOf(bytesOf(name)) })

/** The scores that the framework itself gave the tokens, batch first. */
const expected = JSON.parse(readFileSync(path.join(folder, 'expected.json'), 'utf8')) as Record<string, number[]>
const tokens = { data: Int32Array.of(1, 5, 2, 6, 0, 3), shape: [2, 3] }

const close = (values: ArrayLike<number>, name: string) =>
  expected[name].every((value, i) => Math.abs(value - values[i]) < 1e-5)

/** Runs a fixture on the tokens from a state of zeros; the scores come first. */
async function run(name: string) {
  const model = decodeOnnx(bytesOf(name), name)
  const zeros = (shape: number[]) => ({ data: new Float32Array(shape.reduce((size, one) => size * one, 1)), shape })
  const feeds = model.inputs.map(({ name, float, shape }) =>
    float ? [name, zeros(shape!.map((length) => (typeof length === 'number' ? length : 2)))] : [name, tokens],
  )
  const results = await model.run(Object.fromEntries(feeds))
  return { feeds: Object.fromEntries(feeds), results, scores: results[model.outputs[0]] }
}

/** From the order of steps and then of sequences to the other one. */
const batchFirst = ({ data }: { data: ArrayLike<number> }) =>
  Array.from(data, (_, i) => data[((Math.floor(i / 7) % 3) * 2 + Math.floor(i / 21)) * 7 + (i % 7)])

const timeFirst = ['torch1.13_gru', 'torch1.13_lstm', 'torch2.15_rnn_relu', 'torch2.15_gru_dynamo']
const others = [
  'torch1.13_rnn_bidirectional',
  'torch2.15_lstm_dynamo',
  'tf_keras_gru',
  'keras_lstm',
  'keras_bidirectional',
]

describe.each([...timeFirst, ...others])('a model that another framework exported: %s', (name) => {
  test('runs with the scores that it has there', async () => {
    const { scores } = await run(name)
    expect(close(timeFirst.includes(name) ? batchFirst(scores) : scores.data, name)).toBe(true)
  })

  test('is read as a language model with the same scores', async () => {
    const { config, parameters, found } = await imported(name)
    const model = buildModel({ format: 'unrolled', version: 1, ...config }, parameters, name).eval()
    const { output } = model.forward(fromData(tokens.data, tokens.shape))
    // What ends with Softmax gives probabilities.
    const scores = name === 'keras_bidirectional' ? output.softmax() : output
    expect(close(batchFirst(scores), name)).toBe(true)
    expect(found.at(-1)).toMatch(/^(pytorch|tf2onnx) .* wrote it, with operators of version \d+\.$/)
  })
})

test('a GRU that PyTorch’s exporter wrote with linear_before_reset = 0 is read as PyTorch means it, and says so', async () => {
  const name = 'torch2.15_gru_189225'
  const { config, parameters, found } = await imported(name)
  const model = buildModel({ format: 'unrolled', version: 1, ...config }, parameters, name).eval()
  expect(close(batchFirst(model.forward(fromData(tokens.data, tokens.shape)).output), name)).toBe(true)
  expect(found.at(-1)).toContain('https://github.com/pytorch/pytorch/issues/189225')

  // Run as it stands, it gives other scores than PyTorch: those of ONNX Runtime.
  const { feeds, results, scores } = await run(name)
  expect(close(batchFirst(scores), name)).toBe(false)
  const runtime = await Runtime.load(bytesOf(name))
  const theirs = await runtime.run(feeds)
  await runtime.release()
  for (const [output, { data }] of Object.entries(results)) {
    expect(data.every((value, i) => Math.abs(value - theirs[output].data[i]) < 1e-5)).toBe(true)
  }
})

test('a graph that gives the scores after the last token alone is read, and says so', async () => {
  const name = 'torch1.13_lstm'
  const proto = decodeMessage<ModelProto>(modelMessage, bytesOf(name), name)
  const graph = proto.graph!
  const [scores, ...states] = graph.output!
  const constant = (output: string, dims: number[], values: number[]) =>
    ({ name: output, dims, dataType: DataType.INT64, int64Data: values }) as const
  graph.initializer!.push(constant('by step', [3], [-1, 2, 7]), constant('last step', [], [-1]))
  graph.node!.push(
    { opType: 'Reshape', input: [scores.name!, 'by step'], output: ['steps'] },
    { opType: 'Gather', input: ['steps', 'last step'], output: ['last'], attribute: [int('axis', 0)] },
  )
  graph.output = [{ ...scores, name: 'last' }, ...states]
  const last = await importModel({ name: 'last.onnx', source: sourceOf(encodeMessage(modelMessage, proto)) })
  const whole = await imported(name)
  expect(last.parameters).toEqual(whole.parameters)
  const sentence = 'It gives the scores after the last token alone; here there are scores after each token.'
  expect(last.found).toContain(sentence)
  expect(whole.found).not.toContain(sentence)
})

test('an RNN that the exporter unrolled runs, but is no layer any more', async () => {
  const name = 'torch2.15_rnn_unrolled_dynamo'
  const { scores } = await run(name)
  expect(close(batchFirst(scores), name)).toBe(true)
  await expect(imported(name)).rejects.toThrow(`${name}.onnx: it has no RNN, GRU or LSTM node`)
})

test('a loop in place of a recurrent node is refused by its name', async () => {
  await expect(imported('keras_gru')).rejects.toThrow(
    /^keras_gru\.onnx: Loop ".*" is an operator that this library does not have, expected RNN, GRU or LSTM nodes instead of loops/,
  )
})

test('what the user says must fit the file', async () => {
  const file = { name: 'm.onnx', source: sourceOf(bytesOf('torch2.15_rnn_relu')) }
  expect((await importModel(file, { cell: 'rnn' })).config.nonlinearity).toBe('relu')
  await expect(importModel(file, { cell: 'gru' })).rejects.toThrow(
    'm.onnx: its shapes are those of an RNN, expected a GRU',
  )
  await expect(importModel(file, { nonlinearity: 'tanh' })).rejects.toThrow(
    'm.onnx: its function is relu, expected tanh',
  )
  const tensors = await importTensors(file)
  expect(Object.keys(tensors)).toContain('rnn.weight_ih_l0')
})

test('feeds that do not fit are refused with what is expected', async () => {
  const model = decodeOnnx(bytesOf('torch2.15_lstm_dynamo'), 'm.onnx')
  expect(model.inputs).toEqual([{ name: 'tokens', float: false, shape: ['batch', 'steps'] }])
  await expect(model.run({})).rejects.toThrow(
    'm.onnx: the input tokens is missing, expected tokens: whole numbers [batch, steps]',
  )
  await expect(model.run({ tokens, other: tokens })).rejects.toThrow('there is no input "other"')
  const floats = { data: new Float32Array(6), shape: [2, 3] }
  await expect(model.run({ tokens: floats })).rejects.toThrow('the input tokens holds floats')
  await expect(model.run({ tokens: { ...tokens, shape: [6] } })).rejects.toThrow('has the shape [6]')
  await expect(model.run({ tokens: { ...tokens, shape: [2, 2] } })).rejects.toThrow('has 6 values for the shape [2, 2]')
  const wrong = { data: Int32Array.of(7), shape: [1, 1] }
  await expect(model.run({ tokens: wrong })).rejects.toThrow(/Gather ".*" takes 7, expected 0 to 6/)
})

describe('weights in a file beside the model, as PyTorch’s newer exporter writes them', () => {
  /** A fixture with its weights in another file, each at a multiple of 64. */
  function apart(change: (entry: Record<string, string>) => void = () => {}) {
    const model = decodeMessage<ModelProto>(modelMessage, bytesOf('torch2.15_lstm_dynamo'), 'fixture')
    const parts: Uint8Array[] = []
    let offset = 0
    for (const tensor of model.graph!.initializer!.filter(({ rawData }) => rawData)) {
      const bytes = tensor.rawData!
      const entry: Record<string, string> = {
        location: 'model.onnx.data',
        offset: `${offset}`,
        length: `${bytes.length}`,
      }
      change(entry)
      parts.push(bytes, new Uint8Array(-bytes.length & 63))
      offset += bytes.length + (-bytes.length & 63)
      delete tensor.rawData
      Object.assign(tensor, {
        dataLocation: 1,
        externalData: Object.entries(entry).map(([key, value]) => ({ key, value })),
      })
    }
    const files: Record<string, Uint8Array> = { 'model.onnx.data': joined(parts) }
    const name = 'model.onnx'
    const source = sourceOf(encodeMessage(modelMessage, model))
    return { name, source, beside: async (name: string) => files[name] && sourceOf(files[name]) }
  }

  test('are read', async () => {
    const [found, expected] = [await importModel(apart()), await imported('torch2.15_lstm_dynamo')]
    expect(found).toEqual(expected)
    // The rest of a file, and its beginning, need not be said.
    const rest = apart((entry) => {
      delete entry.length
      if (entry.offset === '0') delete entry.offset
    })
    expect(await importModel(rest)).toEqual(expected)
  })

  test.each<[string, (entry: Record<string, string>) => void, RegExp]>([
    ['a missing file', (entry) => Object.assign(entry, { location: 'other' }), /"other", expected it beside this one/],
    ['another length', (entry) => Object.assign(entry, { length: '4' }), /has 4 bytes from/],
    ['a place beyond the end', (entry) => Object.assign(entry, { offset: '1000000' }), /from 1000000 on/],
    ['a place that is no number', (entry) => Object.assign(entry, { offset: '-4' }), /from -4 on/],
  ])('%s is refused', async (_, change, message) => {
    await expect(importModel(apart(change))).rejects.toThrow(message)
    await expect(importModel(apart(change))).rejects.toThrow(FormatError)
  })

  test('one file for many tensors, which each claim all of it, is refused', async () => {
    const file = apart((entry) => Object.assign(entry, { offset: '0' }))
    const small = { ...file, beside: async () => sourceOf(new Uint8Array(600)) }
    await expect(importModel(small)).rejects.toThrow('in no other tensor')
  })

  test('bytes alone say what to do', async () => {
    const { source } = apart()
    await expect(importModel(await source.read(0, source.size))).rejects.toThrow('external_data=False')
  })
})

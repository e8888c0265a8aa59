import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { int, ints, valueInfo } from '../../src/formats/onnx/graph-builder.js'
import {
  decodeMessage,
  encodeMessage,
  type GraphProto,
  type ModelProto,
  modelMessage,
  type NodeProto,
  type TensorProto,
} from '../../src/formats/onnx/proto.js'
import { DataType, int64Tensor } from '../../src/formats/onnx/tensor.js'
import { sourceOf } from '../../src/formats/source.js'
import { decodeOnnx, importModel } from '../../src/formats.js'
import { UnrolledError } from '../../src/index.js'

const good = new Uint8Array(
  readFileSync(fileURLToPath(new URL('../fixtures/onnx/torch1.13_gru.onnx', import.meta.url))),
)
const imported = (bytes: Uint8Array) => importModel({ name: 'm.onnx', source: sourceOf(bytes) })

/** The good file with a part changed. */
function changed(change: (model: ModelProto, graph: GraphProto) => void): Uint8Array {
  const model = decodeMessage<ModelProto>(modelMessage, good.slice(), 'good')
  change(model, model.graph!)
  return encodeMessage(modelMessage, model)
}

/** A graph from one input of floats, x [2], to y. */
const graphOf = (node: NodeProto[], initializer: TensorProto[] = []): Uint8Array =>
  encodeMessage(modelMessage, {
    opsetImport: [{ version: 14 }],
    graph: {
      name: 'test',
      node,
      initializer,
      input: [valueInfo('x', DataType.FLOAT, [2])],
      output: [valueInfo('y', DataType.FLOAT, [])],
    },
  })
const x = { data: Float32Array.of(1, 2), shape: [2] }
const runOf = async (bytes: Uint8Array) => decodeOnnx(bytes, 'm.onnx').run({ x })

test('a file that ends anywhere is refused in one sentence', async () => {
  for (let length = 0; length < good.length; length += 1 + Math.floor(length / 50)) {
    const error = await imported(good.subarray(0, length)).catch((error: unknown) => error)
    expect(error, String(length)).toBeInstanceOf(UnrolledError)
    expect((error as Error).message).toMatch(/^m\.onnx: [^\n]+$/)
  }
})

test.each<[string, (model: ModelProto, graph: GraphProto) => void, string]>([
  ['no graph', (model) => (model.graph = undefined), 'it has no graph'],
  ['old operators', (model) => (model.opsetImport = [{ version: 6 }]), 'of version 6 (opset), expected 7 to'],
  ['operators of the future', (model) => (model.opsetImport = [{ version: 99 }]), 'of version 99 (opset)'],
  ['functions', (model) => (model.functions = [new Uint8Array(2)]), 'it has functions of its own'],
  ['sparse tensors', (_, graph) => (graph.sparseInitializer = [new Uint8Array(2)]), 'it has sparse tensors'],
  ['operators of others', (_, graph) => (graph.node![3].domain = 'com.microsoft'), 'is an operator of com.microsoft'],
  ['an unknown operator', (_, graph) => (graph.node![0].opType = 'Erf'), 'Erf "/Transpose" is an operator that'],
  ['a graph in a node', (_, graph) => (graph.node![0].attribute![0].type = 5), 'the attribute perm is of another kind'],
  ['a cycle', (_, graph) => (graph.node![0].input = graph.node![1].output), 'nodes must not form a cycle'],
  ['nodes backwards', (_, graph) => graph.node!.reverse(), 'which nothing before it makes'],
  ['a name twice', (_, graph) => graph.node!.push(graph.node![0]), 'is made twice, expected each once'],
  ['a tensor twice', (_, graph) => graph.initializer!.push(graph.initializer![0]), 'two tensors have the name'],
  ['no output', (_, graph) => (graph.output = []), 'nothing makes the output'],
  ['an output of nothing', (_, graph) => (graph.output![0].name = 'none'), 'nothing makes the output "none"'],
  [
    'values in another file',
    (_, graph) =>
      Object.assign(graph.initializer![0], {
        rawData: undefined,
        dataLocation: 1,
        externalData: [{ key: 'location', value: '/etc/passwd' }],
      }),
    'has its values in the file "/etc/passwd", expected them in this one',
  ],
  [
    'a tensor larger than the file',
    (_, graph) => (graph.initializer![0].dims = [2 ** 30, 2 ** 20]),
    'expected 1125899906842624 for the shape [1073741824, 1048576]',
  ],
  [
    'sizes below 0',
    (_, graph) => (graph.initializer![0].dims = [-7, -5]),
    'has the shape [-7, -5], expected whole numbers of 0 or more',
  ],
  ['texts as values', (_, graph) => (graph.initializer![0].dataType = 8), "has values of ONNX's kind 8"],
  [
    'weights that are not finite',
    (_, graph) => graph.initializer![0].rawData!.fill(255),
    'linear.weight has values that are not finite',
  ],
  [
    'activations of others',
    (_, graph) => graph.node!.find(({ opType }) => opType === 'GRU')!.attribute!.push({ name: 'clip', f: 3, type: 1 }),
    'clips at 3, expected the equations of this library',
  ],
  [
    'tokens of a fixed number that is huge',
    (_, graph) => (graph.input![0].type!.tensorType!.shape!.dim = [{ dimValue: 2 ** 31 }, { dimValue: 2 ** 20 }]),
    'takes tokens of the shape [2147483648, 1048576], expected',
  ],
  [
    'a huge state',
    (_, graph) => (graph.input![1].type!.tensorType!.shape!.dim![2] = { dimValue: 2 ** 40 }),
    'takes a state h0 of the shape [2, 2, 1099511627776], expected',
  ],
  [
    'an operator of effect',
    (_, graph) => {
      const head = graph.node!.at(-1)!
      graph.node!.push({ input: [head.output![0]], output: ['squashed'], opType: 'Tanh' })
      graph.output![0].name = 'squashed'
    },
    'its graph does not compute what its weights do in a language model here',
  ],
])('a model with %s is refused', async (_, change, message) => {
  const error = await imported(changed(change)).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(UnrolledError)
  expect((error as Error).message).toContain(message)
  expect((error as Error).message).toMatch(/^m\.onnx: [^\n]+$/)
})

const shape = (...lengths: number[]) => int64Tensor('shape', lengths, [lengths.length])
const doubled = Array.from({ length: 60 }, (_, i) => ({
  input: i === 0 ? ['x', 'x'] : [`x${i}`, `x${i}`],
  output: [i === 59 ? 'y' : `x${i + 1}`],
  opType: 'Concat',
  attribute: [int('axis', 0)],
}))

test.each<[string, NodeProto[], TensorProto[], string]>([
  [
    'Expand',
    [{ input: ['x', 'shape'], output: ['y'], opType: 'Expand' }],
    [shape(2 ** 30, 2)],
    'more than a run may hold',
  ],
  [
    'ConstantOfShape',
    [{ input: ['shape'], output: ['y'], opType: 'ConstantOfShape' }],
    [shape(2 ** 27)],
    'needs more work',
  ],
  [
    'ConstantOfShape beyond all numbers',
    [{ input: ['shape'], output: ['y'], opType: 'ConstantOfShape' }],
    [shape(...new Array(9).fill(2 ** 31 - 1))],
    'more than a run may hold',
  ],
  ['a chain that doubles', doubled, [], 'needs more work'],
  [
    'a product',
    [
      { input: ['x', 'shape'], output: ['a'], opType: 'Expand' },
      { input: ['a'], output: ['b'], opType: 'Transpose', attribute: [ints('perm', [1, 0])] },
      { input: ['a', 'b'], output: ['c'], opType: 'MatMul' },
      { input: ['c', 'c'], output: ['y'], opType: 'MatMul' },
    ],
    [shape(1000, 2)],
    'needs more work',
  ],
])('a small file cannot take much memory or time: %s', async (_, node, initializer, message) => {
  const error = await runOf(graphOf(node, initializer)).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(UnrolledError)
  expect((error as Error).message).toContain(message)
})

test('a file of millions of empty messages is refused before they fill the memory', () => {
  // An empty node takes two bytes.
  const nodes = new Uint8Array(4_000_000).map((_, i) => (i % 2 === 0 ? 0x0a : 0))
  const file = new Uint8Array(nodes.length + 5)
  file.set([0x3a, ...varint(nodes.length)])
  file.set(nodes, 1 + varint(nodes.length).length)
  expect(() => decodeOnnx(file.subarray(0, 1 + varint(nodes.length).length + nodes.length), 'm.onnx')).toThrow(
    'm.onnx: the file has more than 200000 messages',
  )
})

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(value >> 7)])

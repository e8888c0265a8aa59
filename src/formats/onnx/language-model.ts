import { FormatError } from '../../core/errors.js'
import { formatShape, sizeOf } from '../../core/shape.js'
import { type Cell, cells } from '../../device/cells.js'
import type { EquationName } from '../../nn/equations.js'
import { type ForeignFile, type ForeignModel, type ForeignOptions, resetBeforeFound } from '../foreign.js'
import { modelOfTensors } from '../pytorch/names.js'
import type { TensorValues } from '../safetensors.js'
import { readExactly } from '../source.js'
import { checkSame } from './check-same.js'
import { withExternalData } from './external-data.js'
import { peepholesFromOnnx, toTorchOrder } from './gate-order.js'
import { type Graph, type GraphNode, readGraph } from './graph.js'
import { readMetadata } from './metadata.js'
import { OnnxModel } from './model.js'
import { isRecurrent, type RecurrentNode, recurrentNode } from './recurrent-node.js'
import { transpose } from './shapes.js'

/** More bytes than an ONNX file can have. */
const MOST_BYTES = 2 ** 31

type Fail = (problem: string) => never

/**
 * Reads a language model from an ONNX file: tokens, an embedding or one-hot vectors, recurrent nodes one after another, and
 * a linear layer over their outputs. What else is in the graph is found to change nothing: the graph and the model that
 * comes of it give the same scores of some tokens.
 * @throws FormatError for a graph that is no such model, or that computes something else
 */
export async function onnxLanguageModel(file: ForeignFile, options: ForeignOptions): Promise<ForeignModel> {
  const { source, name: where } = file
  const fail: Fail = (problem) => {
    throw new FormatError(`${where}: ${problem}`)
  }
  if (source.size > MOST_BYTES) fail(`the file has ${source.size} bytes, expected at most ${MOST_BYTES}`)
  const { proto, bytes } = await withExternalData(await readExactly(source, 0, source.size, where), file)
  const model = new OnnxModel(readGraph(proto, where), bytes, where)
  const { graph } = model
  const nodes = graph.nodes.filter(isRecurrent)
  if (nodes.length === 0) {
    fail(
      'it has no RNN, GRU or LSTM node, expected those of a recurrent layer; PyTorch’s exporter keeps the nodes of an RNN with dynamo=False',
    )
  }

  const corrected = nodes.filter((node) => isOldExportersGru(graph, node))
  const layers = nodes.map((node) => layerOf(model, node, corrected.includes(node), fail))
  const [first] = layers
  const odd = layers.find(
    ({ equation, weights }) => equation !== first.equation || weights.length !== first.weights.length,
  )
  if (odd) fail('its recurrent nodes are of several kinds, expected one kind with the same number of directions')
  const tensors = { ...recurrentTensors(layers), ...around(model, nodes, first.inputSize, fail) }
  const nonlinearity = first.equation === 'rnn_relu' ? 'relu' : 'tanh'
  const asked = options.nonlinearity
  if (first.cell === 'rnn' && asked && asked !== nonlinearity)
    fail(`its function is ${nonlinearity}, expected ${asked}`)
  const found = modelOfTensors(tensors, first.cell === 'rnn' ? { ...options, nonlinearity } : options, where)
  if (first.equation === 'gru_reset_before') found.config.resetAfter = false
  const scored = await checkSame(corrected.length > 0 ? resettingAfter(model, corrected) : model, found, fail)

  const sentences = [`${graph.producer || 'An unknown program'} wrote it, with operators of version ${graph.opset}.`]
  if (scored === 'last')
    sentences.push('It gives the scores after the last token alone; here there are scores after each token.')
  if (found.config.resetAfter === false) sentences.push(resetBeforeFound)
  if (corrected.length > 0) {
    sentences.push(
      'Its GRU has linear_before_reset = 0, which PyTorch’s GRU never means: the exporter left it out (https://github.com/pytorch/pytorch/issues/189225). The weights are taken as PyTorch’s; other programs that run this file compute something else.',
    )
  }
  return { ...found, found: [...found.found, ...sentences], ...readMetadata(graph.metadata, where) }
}

/** Whether a node is a GRU that PyTorch's exporter wrote without `linear_before_reset`, although all its GRUs have it. */
const isOldExportersGru = ({ producer }: Graph, { op, attributes }: GraphNode): boolean =>
  op === 'GRU' && producer.startsWith('pytorch') && !attributes.int('linear_before_reset')

/** The graph with `linear_before_reset` where it is missing. */
function resettingAfter({ graph, bytes, where }: OnnxModel, nodes: readonly GraphNode[]): OnnxModel {
  const changed = graph.nodes.map((node) =>
    nodes.includes(node) ? { ...node, attributes: node.attributes.withInt('linear_before_reset', 1) } : node,
  )
  return new OnnxModel({ ...graph, nodes: changed }, bytes, where)
}

interface Layer {
  equation: EquationName
  cell: Cell['name']
  inputSize: number
  /** The weights of each direction, in the order of PyTorch's gates. */
  weights: Record<string, TensorValues>[]
}

function layerOf({ graph }: OnnxModel, node: GraphNode, corrected: boolean, fail: Fail): Layer {
  const recurrent = recurrentNode(node)
  const kind = corrected ? 'gru' : recurrent.cell
  const { title } = node
  if (!kind)
    return fail(
      `${title} ${differenceOf(recurrent)}, expected the equations of this library's layers; decodeOnnx runs it`,
    )
  if (recurrent.reverse[0]) fail(`${title} walks backwards only, expected forwards or in both directions`)
  const [, w, r, b, lengths, , , p] = node.inputs
  if (lengths) fail(`${title} takes lengths of sequences, expected sequences of one length; decodeOnnx runs it`)
  const constant = (name: string): TensorValues =>
    graph.constants.get(name) ?? fail(`${title}: the weights ${JSON.stringify(name)} are not in the file`)
  const [W, R] = [constant(w), constant(r)]
  const B = b ? constant(b) : undefined
  const P = p ? constant(p) : undefined
  const { name: cell } = cells[kind === 'gru_reset_before' ? 'gru' : kind]
  const rows = R.shape[1]
  const fits = W.shape.length === 3 && R.shape.length === 3 && W.shape[1] === rows
  const directions = recurrent.reverse.length
  if (
    !fits ||
    W.shape[0] !== directions ||
    R.shape[0] !== directions ||
    (B && B.data.length !== 2 * rows * directions) ||
    (P && P.data.length !== 3 * R.shape[2] * directions)
  ) {
    fail(`${title} has weights of the shapes ${formatShape(W.shape)} and ${formatShape(R.shape)}`)
  }
  const part = (values: TensorValues, at: number, shape: number[]): TensorValues => {
    const size = sizeOf(shape)
    return { data: toTorchOrder(cell, values.data.subarray(at * size, (at + 1) * size)), shape }
  }
  const peepholes = (d: number): TensorValues => {
    const length = 3 * R.shape[2]
    return { data: peepholesFromOnnx(P!.data.subarray(d * length, (d + 1) * length)), shape: [length] }
  }
  return {
    equation: kind,
    cell,
    inputSize: W.shape[2],
    weights: recurrent.reverse.map((_, d) => ({
      weight_ih: part(W, d, [rows, W.shape[2]]),
      weight_hh: part(R, d, [rows, R.shape[2]]),
      ...(B && { bias_ih: part(B, 2 * d, [rows]), bias_hh: part(B, 2 * d + 1, [rows]) }),
      ...(P && { weight_ch: peepholes(d) }),
    })),
  }
}

/** How a node differs from the layers here. */
function differenceOf({ clip, inputForget }: RecurrentNode): string {
  if (clip !== Infinity) return `clips at ${clip}`
  if (inputForget) return 'has one gate for input and forgetting'
  return 'has other activations'
}

/** The parameters of all layers under PyTorch's names. If only some layers have biases or peepholes, those of the others are zeros. */
function recurrentTensors(layers: readonly Layer[]): Record<string, TensorValues> {
  const some = (name: string) => layers.some(({ weights }) => weights.some((own) => own[name]))
  const [biased, peeping] = [some('bias_ih'), some('weight_ch')]
  const entries = layers.flatMap(({ weights }, layer) =>
    weights.flatMap((own, d) => {
      const zeros = (length: number): TensorValues => ({ data: new Float32Array(length), shape: [length] })
      const bias = zeros(own.weight_ih.shape[0])
      const all = {
        ...(biased && { bias_ih: bias, bias_hh: bias }),
        ...(peeping && { weight_ch: zeros(3 * own.weight_hh.shape[1]) }),
        ...own,
      }
      return Object.entries(all).map(([name, values]) => [`rnn.${name}_l${layer}${d === 1 ? '_reverse' : ''}`, values])
    }),
  )
  return Object.fromEntries(entries)
}

/** The embedding before the recurrent nodes, and the linear layer after them. */
function around(
  { graph }: OnnxModel,
  nodes: readonly GraphNode[],
  inputSize: number,
  fail: Fail,
): Record<string, TensorValues> {
  const { constants } = graph
  const before = graph.nodes.slice(0, graph.nodes.indexOf(nodes[0]))
  const after = graph.nodes.slice(graph.nodes.indexOf(nodes.at(-1)!) + 1)
  const matrix = (name: string): TensorValues | undefined => {
    const value = constants.get(name)
    return value?.shape.length === 2 && !(value.data instanceof Int32Array) ? value : undefined
  }
  const embedding = before
    .filter(({ op }) => op === 'Gather')
    .flatMap(({ inputs }) => matrix(inputs[0]) ?? [])
    .find(({ shape }) => shape[1] === inputSize)

  const products = after.filter(({ op, inputs }) => (op === 'MatMul' || op === 'Gemm') && matrix(inputs[1]))
  if (products.length !== 1) {
    fail(`${products.length} linear layers follow the last recurrent node, expected one, over the vocabulary`)
  }
  const [{ op, inputs, attributes }] = products
  const given = matrix(inputs[1])!
  const rows = op === 'Gemm' && attributes.int('transB') ? given : transpose(given, [1, 0])
  const [vocabSize] = rows.shape
  const bias = [inputs[2] ?? '', ...after.filter(({ op }) => op === 'Add').flatMap(({ inputs }) => inputs)]
    .flatMap((name) => constants.get(name) ?? [])
    .find(({ data }) => !(data instanceof Int32Array) && data.length === vocabSize)
  return {
    ...(embedding && { 'embedding.weight': embedding }),
    'linear.weight': rows,
    ...(bias && { 'linear.bias': { data: bias.data, shape: [vocabSize] } }),
  }
}

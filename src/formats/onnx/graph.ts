import { FormatError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import type { TensorValues } from '../safetensors.js'
import { Attributes } from './attributes.js'
import type { ModelProto, NodeProto, ValueInfoProto } from './proto.js'
import { isFloat, tensorValues } from './tensor.js'

/** An input of a graph that has to be fed. */
export interface OnnxInput {
  name: string
  /** Whether it takes floats; otherwise it takes whole numbers. */
  float: boolean
  /** The lengths of its axes: a number, a name for any length, or undefined if the file does not say. */
  shape: readonly (number | string | undefined)[] | undefined
}

/** A node of a graph; inputs and outputs that are left out have the name ''. */
export interface GraphNode {
  op: string
  /** The node for messages: its operator and its name. */
  title: string
  inputs: readonly string[]
  outputs: readonly string[]
  attributes: Attributes
}

/** A checked graph: each name is made once, before it is used. */
export interface Graph {
  /** The version of the standard's operators. */
  opset: number
  producer: string
  metadata: ReadonlyMap<string, string>
  inputs: readonly OnnxInput[]
  outputs: readonly string[]
  nodes: readonly GraphNode[]
  /** The values that are in the file, by name. */
  constants: Map<string, TensorValues>
}

/** The versions of operators that are read. RNN, GRU and LSTM have been as they are since 7; newer versions may change them. */
const LEAST_OPSET = 7
const MOST_OPSET = 28

/** The names of the standard's own operators. */
const standard = ['', 'ai.onnx']

/**
 * Reads the graph of an ONNX model.
 * @param where the file's name, for messages
 * @throws FormatError for a file that is damaged or of another kind, for operators of other standards, for values in other
 *   files, and for a graph whose nodes do not come one after another
 */
export function readGraph(model: ModelProto, where: string): Graph {
  const fail = (problem: string): never => {
    throw new FormatError(`${where}: ${problem}`)
  }
  const { graph, opsetImport = [], functions = [], metadataProps = [], producerName = '', producerVersion = '' } = model
  if (!graph || opsetImport.length === 0)
    return fail('it has no graph or no version of operators, expected an ONNX model')
  if (functions.length > 0) fail('it has functions of its own, expected the standard’s operators alone')
  if (graph.sparseInitializer) fail('it has sparse tensors, expected dense ones')
  const opset = opsetImport.find(({ domain = '' }) => standard.includes(domain))?.version ?? 0
  if (opset < LEAST_OPSET || opset > MOST_OPSET) {
    fail(`its operators are of version ${opset} (opset), expected ${LEAST_OPSET} to ${MOST_OPSET}`)
  }

  const constants = new Map<string, TensorValues>()
  for (const tensor of graph.initializer ?? []) {
    const { name = '' } = tensor
    if (name === '' || constants.has(name))
      fail(`two tensors have the name ${JSON.stringify(name)}, expected each once`)
    constants.set(name, tensorValues(tensor, `${where}: ${name}`))
  }
  // Before version 4 of the format, values in the file are listed among the inputs, too.
  const inputs = (graph.input ?? []).filter(({ name = '' }) => !constants.has(name)).map((info) => inputOf(info, fail))
  const known = new Set(['', ...constants.keys(), ...inputs.map(({ name }) => name)])
  const nodes = (graph.node ?? []).map((node, i) => {
    const read = nodeOf(node, i, where)
    const missing = read.inputs.find((name) => !known.has(name))
    if (missing !== undefined) {
      fail(`${read.title} takes ${JSON.stringify(missing)}, which nothing before it makes; nodes must not form a cycle`)
    }
    for (const name of read.outputs) {
      if (name !== '' && known.has(name)) fail(`${JSON.stringify(name)} is made twice, expected each once`)
      known.add(name)
    }
    return read
  })
  const outputs = (graph.output ?? []).map(({ name = '' }) => name)
  const unmade = outputs.find((name) => name === '' || !known.has(name))
  if (outputs.length === 0 || unmade !== undefined) fail(`nothing makes the output ${JSON.stringify(unmade ?? '')}`)
  const metadata = new Map(metadataProps.map(({ key = '', value = '' }) => [key, value]))
  return { opset, producer: `${producerName} ${producerVersion}`.trim(), metadata, inputs, outputs, nodes, constants }
}

function nodeOf(node: NodeProto, index: number, where: string): GraphNode {
  const { opType: op = '', name = '', domain = '', input = [], output = [], attribute = [] } = node
  const title = `${op || 'a node'} ${name === '' ? `(node ${index + 1})` : JSON.stringify(name)}`
  if (!standard.includes(domain)) {
    throw new FormatError(`${where}: ${title} is an operator of ${domain}, expected the standard’s operators alone`)
  }
  return { op, title, inputs: input, outputs: output, attributes: new Attributes(attribute, `${where}: ${title}`) }
}

function inputOf({ name = '', type }: ValueInfoProto, fail: (problem: string) => never): OnnxInput {
  const { elemType = 0, shape } = type?.tensorType ?? {}
  const float = isFloat(elemType)
  if (name === '' || float === undefined) {
    return fail(`its input ${JSON.stringify(name)} is no tensor of numbers, expected floats or whole numbers`)
  }
  return { name, float, shape: shape && (shape.dim ?? []).map(({ dimValue, dimParam }) => dimParam || dimValue) }
}

/** An input for messages. */
export const inputShown = ({ name, float, shape }: OnnxInput): string =>
  `${name}: ${float ? 'floats' : 'whole numbers'}${shape ? ` ${formatShape(shape as number[])}` : ''}`

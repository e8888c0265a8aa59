import { DataError } from '../../core/errors.js'
import type { Vocab } from '../../data/vocab.js'
import { type Cell, cells } from '../../device/cells.js'
import { GRU } from '../../nn/gru.js'
import type { RNNModel } from '../../nn/model.js'
import { suffixesOf } from '../../nn/shapes.js'
import { inMemoryOf } from '../../tensor/saved-tensors.js'
import { inModelFile } from '../for-pytorch.js'
import { foreignCell } from '../foreign-cell.js'
import { type TrainingRecord, valuesProblem, vocabToJson } from '../model-config.js'
import type { TensorValues } from '../safetensors.js'
import { textRecordOf } from '../text-record.js'
import { peepholesToOnnx, toOnnxOrder } from './gate-order.js'
import { GraphBuilder, int, ints, text, texts, valueInfo } from './graph-builder.js'
import { TEXT_KEY, VOCAB_KEY } from './metadata.js'
import { encodeMessage, type ModelProto, modelMessage } from './proto.js'
import { DataType } from './tensor.js'

/** The version of the operators, and that of the format which came with it: what runtimes since 2021 read. */
const OPSET = 14
const IR_VERSION = 7

/** The most bytes that a message of Protocol Buffers may have. */
const MOST_BYTES = 2 ** 31 - 1

/**
 * Encodes a model as the bytes of an ONNX file. Its inputs are `tokens`, int64 [batch, steps], and the states before the
 * first step, `h0` and for an LSTM `c0`, [layers × directions, batch, hiddenSize]; its outputs are `logits`, the scores of
 * the next tokens [batch, steps, vocabSize], and the states after the last step, `hn` and `cn`. Batch and steps may have any
 * length. Dropout is left out. The vocabulary, and how the text was cleaned, are metadata of the file.
 * @throws DataError for layer normalization, for projections and for cells that the standard's operators do not have; for values that are not finite;
 *   and for more than 2 GiB
 */
export async function encodeOnnx(model: RNNModel, vocab: Vocab, training?: TrainingRecord): Promise<Uint8Array> {
  const cell = foreignCell('exportModel', model.rnn.kind)
  if (model.rnn.layerNorm) {
    throw new DataError(
      'exportModel: the model has layer normalization, which the RNN, GRU and LSTM of ONNX do not have; export it as safetensors, or train one without layerNorm',
    )
  }
  if (model.rnn.projSize !== undefined) {
    throw new DataError(
      `exportModel: the LSTM has a projection (projSize), which the LSTM of ONNX does not have; ${model.rnn.peepholes ? inModelFile : 'export it as safetensors, which PyTorch reads'}`,
    )
  }
  const parameters = await inMemoryOf(model.stateDict())
  const problem = valuesProblem(parameters)
  if (problem) {
    throw new DataError(`exportModel: ${problem}; the model diverged: train it again with a smaller learning rate`)
  }
  const { rnn, vocabSize } = model
  const { states } = cells[rnn.kind]
  const graph = graphOf(model, cell, parameters)
  if (graph.bytes > MOST_BYTES) {
    throw new DataError(`exportModel: the weights have ${graph.bytes} bytes, expected less than 2 GiB in an ONNX file`)
  }
  const stateInfos = (suffix: '0' | 'n') =>
    states.map((state) =>
      valueInfo(`${state}${suffix}`, DataType.FLOAT, [rnn.numLayers * rnn.numDirections, 'batch', rnn.hiddenSize]),
    )
  const file: ModelProto = {
    irVersion: IR_VERSION,
    producerName: 'unrolled',
    opsetImport: [{ domain: '', version: OPSET }],
    graph: {
      name: 'language_model',
      node: graph.nodes,
      initializer: graph.initializers,
      input: [valueInfo('tokens', DataType.INT64, ['batch', 'steps']), ...stateInfos('0')],
      output: [valueInfo('logits', DataType.FLOAT, ['batch', 'steps', vocabSize]), ...stateInfos('n')],
    },
    metadataProps: [
      { key: VOCAB_KEY, value: vocabToJson(vocab) },
      { key: TEXT_KEY, value: JSON.stringify(textRecordOf(training)) },
    ],
  }
  return encodeMessage(modelMessage, file)
}

/** The graph of a model, from `tokens` to `logits`. */
function graphOf(
  { rnn, vocabSize, embedding, tieWeights }: RNNModel,
  cell: Cell['name'],
  parameters: Readonly<Record<string, TensorValues>>,
): GraphBuilder {
  const graph = new GraphBuilder()
  const { states } = cells[rnn.kind]
  let x = graph.add('Transpose', ['tokens'], [ints('perm', [1, 0])])
  if (embedding) {
    x = graph.add('Gather', [graph.floats('embedding', parameters['embedding.weight']), x])
  } else {
    const values = graph.floats('off_and_on', { data: Float32Array.of(0, 1), shape: [2] })
    x = graph.add('OneHot', [x, graph.wholes('vocab_size', [vocabSize], []), values])
  }
  const initial = states.map((state) => graph.split(`${state}0`, rnn.numLayers, rnn.numDirections))
  const last: string[][] = states.map(() => [])
  for (let layer = 0; layer < rnn.numLayers; layer++) {
    const suffixes = suffixesOf(layer, rnn.bidirectional)
    /** Parameters of both directions, one after another, in the order of ONNX. */
    const joined = (...names: string[]): TensorValues => {
      const parts = suffixes.flatMap((suffix) => names.map((name) => parameters[`rnn.${name}_${suffix}`]))
      const [{ data: first, shape }] = parts
      const data = new Float32Array(first.length * parts.length)
      for (const [i, part] of parts.entries()) data.set(toOnnxOrder(cell, part.data), i * first.length)
      return { data, shape: [suffixes.length, shape[0] * names.length, ...shape.slice(1)] }
    }
    const weights = [
      graph.floats(`W${layer}`, joined('weight_ih')),
      graph.floats(`R${layer}`, joined('weight_hh')),
      rnn.bias ? graph.floats(`B${layer}`, joined('bias_ih', 'bias_hh')) : '',
    ]
    const peepholes = rnn.peepholes ? [graph.floats(`P${layer}`, joinedPeepholes(suffixes, parameters))] : []
    const attributes = [int('hidden_size', rnn.hiddenSize)]
    if (rnn.bidirectional) attributes.push(text('direction', 'bidirectional'))
    if (rnn instanceof GRU) attributes.push(int('linear_before_reset', rnn.resetAfter ? 1 : 0))
    if (rnn.kind === 'rnn_relu') attributes.push(texts('activations', new Array(suffixes.length).fill('Relu')))
    const inputs = [x, ...weights, '', ...initial.map((of) => of[layer]), ...peepholes]
    const [output, ...next] = graph.addAll(cell.toUpperCase(), inputs, attributes, 1 + states.length)
    for (const [i, of] of last.entries()) of.push(next[i])
    // From [steps, directions, batch, hiddenSize] to [steps, batch, directions × hiddenSize].
    if (rnn.bidirectional) {
      const features = graph.add('Transpose', [output], [ints('perm', [0, 2, 1, 3])])
      x = graph.add('Reshape', [features, graph.wholes('features_joined', [0, 0, -1])])
    } else {
      x = graph.add('Squeeze', [output, graph.wholes('direction_axis', [1])])
    }
  }
  for (const [i, state] of states.entries()) graph.output(`${state}n`, 'Concat', last[i], [int('axis', 0)])
  const batchFirst = graph.add('Transpose', [x], [ints('perm', [1, 0, 2])])
  const weight = tieWeights ? 'embedding' : graph.floats('weight', parameters['linear.weight'])
  const scores = graph.add('MatMul', [batchFirst, graph.add('Transpose', [weight], [ints('perm', [1, 0])])])
  graph.output('logits', 'Add', [scores, graph.floats('bias', parameters['linear.bias'])])
  return graph
}

/** The peepholes of the directions of a layer, one after another, in the order of ONNX. */
function joinedPeepholes(
  suffixes: readonly string[],
  parameters: Readonly<Record<string, TensorValues>>,
): TensorValues {
  const parts = suffixes.map((suffix) => peepholesToOnnx(parameters[`rnn.weight_ch_${suffix}`].data))
  const data = new Float32Array(parts.length * parts[0].length)
  for (const [i, part] of parts.entries()) data.set(part, i * part.length)
  return { data, shape: [parts.length, parts[0].length] }
}

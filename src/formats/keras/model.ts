import { FormatError } from '../../core/errors.js'
import { type ForeignModel, type ForeignOptions, resetBeforeFound } from '../foreign.js'
import { modelOfTensors } from '../pytorch/names.js'
import type { TensorValues } from '../safetensors.js'
import { layersOf } from './config.js'
import type { KerasContent } from './keras.js'
import { transposed } from './layers.js'
import { checkOrder, type KerasModel, type ModelLayer, modelLayersOf } from './model-layers.js'
import { isRecurrent, parametersOf, type Recurrent } from './parameters.js'
import { areCheckpoint, checkWeights, layerByWeights, resetsBefore, type Tensors, weightsByLayer } from './weights.js'

/**
 * A language model of Keras or TensorFlow.js. Without a configuration, the weights tell the layers.
 * @param where the file's name, for messages
 * @throws FormatError for a model that this library does not have
 */
export function modelOfKeras(
  { tensors, config, vocab, training }: KerasContent,
  options: ForeignOptions,
  where: string,
): ForeignModel {
  const { layers, found } =
    config === undefined ? layersOfWeights(tensors, where) : modelLayersOf(layersOf(config, where), where)
  const key = areCheckpoint(tensors) ? 'folder' : 'name'
  const byLayer = weightsByLayer(
    tensors,
    where,
    layers.map(({ name }) => name),
  )
  const weighted = layers.flatMap((layer) => {
    const weights = byLayer.get(layer[key]) ?? { forward: {}, backward: {} }
    checkWeights(layer, weights, where)
    return layer.kind === 'softmax' ? [] : [{ layer, weights }]
  })
  const recurrent = weighted.flatMap(({ layer, weights }) => (isRecurrent(layer) ? [{ layer, weights }] : []))
  const parameters: Record<string, TensorValues> = {}
  const embedding = weighted.find(({ layer }) => layer.kind === 'embedding')
  const { embeddings } = embedding?.weights.forward ?? {}
  if (embeddings && !isIdentity(embeddings)) parameters['embedding.weight'] = embeddings
  Object.assign(parameters, recurrentParameters(recurrent, where))
  const dense = weighted[weighted.length - 1].weights.forward
  parameters['linear.weight'] = transposed(dense.kernel!)
  if (dense.bias) parameters['linear.bias'] = dense.bias
  const nonlinearity = nonlinearityOf(recurrent, options, where)
  const model = modelOfTensors(parameters, { ...options, nonlinearity }, where)
  const sentences = [...model.found, ...found]
  const [first] = recurrent
  if (resetsBefore(first.layer, first.weights)) {
    model.config.resetAfter = false
    sentences.push(resetBeforeFound)
  }
  return { ...model, found: sentences, vocab, training }
}

/** The parameters of recurrent layers, which must be of one kind and size, under PyTorch's names. */
function recurrentParameters(recurrent: readonly Recurrent[], where: string): Record<string, TensorValues> {
  const [first] = recurrent
  const unitsOf = ({ weights }: Recurrent): number => weights.forward.recurrent_kernel!.shape[0]
  const kindOf = ({ layer, weights }: Recurrent): string => {
    const option = layer.nonlinearity ?? (resetsBefore(layer, weights) && 'reset_after = false')
    return `${layer.bidirectional ? 'bidirectional ' : ''}${layer.cell}${option ? ` with ${option}` : ''}`
  }
  const parameters: Record<string, TensorValues> = {}
  const anyBias = recurrent.some(({ weights }) => weights.forward.bias || weights.backward.bias)
  for (const [l, each] of recurrent.entries()) {
    if (kindOf(each) !== kindOf(first) || unitsOf(each) !== unitsOf(first)) {
      throw new FormatError(
        `${where}: ${each.layer.name} is a layer ${kindOf(each)} of ${unitsOf(each)} units after one ${kindOf(first)} of ${unitsOf(first)}, expected layers of one kind and size`,
      )
    }
    for (const [own, values] of Object.entries(parametersOf(each, l, anyBias))) parameters[`rnn.${own}`] = values
  }
  return parameters
}

/** What the file says of an RNN's function, or else what the user says. */
function nonlinearityOf(
  [{ layer }]: readonly Recurrent[],
  { nonlinearity: asked }: ForeignOptions,
  where: string,
): ForeignOptions['nonlinearity'] {
  const { nonlinearity = asked } = layer
  if (asked && nonlinearity !== asked) {
    throw new FormatError(`${where}: ${layer.name} has the activation ${nonlinearity}, expected ${asked}; leave it out`)
  }
  return nonlinearity
}

/** The embedding that makes tokens one-hot. */
function isIdentity({ data, shape: [rows, columns] }: TensorValues): boolean {
  return rows === columns && data.every((value, i) => value === (i % (columns + 1) === 0 ? 1 : 0))
}

/** The layers that weights without a configuration belong to, in the order of the file, or of Keras 3's numbers. */
function layersOfWeights(tensors: Tensors, where: string): KerasModel {
  const layers = [...weightsByLayer(tensors, where)].map(([name, weights]) => layerByWeights(name, weights))
  if (areCheckpoint(tensors)) layers.sort((a, b) => rankOf(a) - rankOf(b))
  return {
    layers: checkOrder(layers, where),
    found: ['There is no configuration: Keras’ default activations are assumed.'],
  }
}

function rankOf({ kind, folder }: ModelLayer): number {
  const number = Number(/_(\d+)$/.exec(folder)?.[1] ?? 0)
  return kind === 'embedding' ? -1 : kind === 'dense' ? Infinity : number
}

import { FormatError } from '../../core/errors.js'
import { suffixesOf } from '../../nn/shapes.js'
import type { ForeignModel, ForeignOptions } from '../foreign.js'
import { modelOfTensors } from '../pytorch/names.js'
import type { TensorValues } from '../safetensors.js'
import { layersOf } from './config.js'
import { fromKeras, type KerasWeights, transposed } from './layers.js'
import {
  checkOrder,
  type KerasModel,
  type ModelLayer,
  modelLayersOf,
  type RecurrentModelLayer,
  resetBefore,
} from './model-layers.js'
import { areCheckpoint, checkWeights, type LayerWeights, type Tensors, weightsByLayer } from './weights.js'

/**
 * A language model of Keras or TensorFlow.js from its weights by name.
 * @param config its configuration; without one, the weights tell the layers
 * @param where the file's name, for messages
 * @throws FormatError for a model that this library does not have
 */
export function modelOfKeras(tensors: Tensors, config: unknown, options: ForeignOptions, where: string): ForeignModel {
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
  return { ...model, found: [...model.found, ...found] }
}

interface Recurrent {
  layer: RecurrentModelLayer
  weights: LayerWeights
}

const isRecurrent = (layer: ModelLayer): layer is RecurrentModelLayer => layer.kind === 'recurrent'

/** The parameters of recurrent layers, which must be of one kind and size, under PyTorch's names. */
function recurrentParameters(recurrent: readonly Recurrent[], where: string): Record<string, TensorValues> {
  const [first] = recurrent
  const unitsOf = ({ weights }: Recurrent): number => weights.forward.recurrent_kernel!.shape[0]
  const kindOf = ({ layer }: Recurrent): string =>
    `${layer.bidirectional ? 'bidirectional ' : ''}${layer.cell}${layer.nonlinearity ? ` with ${layer.nonlinearity}` : ''}`
  const parameters: Record<string, TensorValues> = {}
  const anyBias = recurrent.some(({ weights }) => weights.forward.bias || weights.backward.bias)
  for (const [l, each] of recurrent.entries()) {
    if (kindOf(each) !== kindOf(first) || unitsOf(each) !== unitsOf(first)) {
      throw new FormatError(
        `${where}: ${each.layer.name} is a layer ${kindOf(each)} of ${unitsOf(each)} units after one ${kindOf(first)} of ${unitsOf(first)}, expected layers of one kind and size`,
      )
    }
    const { cell, bidirectional, name } = each.layer
    for (const [d, suffix] of suffixesOf(l, bidirectional).entries()) {
      const weights = d === 0 ? each.weights.forward : each.weights.backward
      if (cell === 'gru' && weights.bias?.shape.length === 1) throw new FormatError(resetBefore(where, name))
      const { bias_ih, bias_hh, ...matrices } = fromKeras(cell, withBias(weights))
      for (const [own, values] of Object.entries(anyBias ? { ...matrices, bias_ih, bias_hh } : matrices)) {
        parameters[`rnn.${own}_${suffix}`] = values
      }
    }
  }
  return parameters
}

/** The weights with a bias of zeros if there is none. */
function withBias(weights: KerasWeights): Required<KerasWeights> {
  const columns = weights.kernel!.shape[1]
  return { bias: { data: new Float32Array(columns), shape: [columns] }, ...weights } as Required<KerasWeights>
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
  const layers = [...weightsByLayer(tensors, where)].map(([name, { forward, backward }]) => {
    const layer = { name, folder: name }
    const [units, columns] = forward.recurrent_kernel?.shape ?? []
    if (forward.embeddings) return { ...layer, kind: 'embedding' } as const
    if (!forward.recurrent_kernel) return { ...layer, kind: 'dense' } as const
    const cell = columns === 4 * units ? 'lstm' : columns === 3 * units ? 'gru' : 'rnn'
    return { ...layer, kind: 'recurrent', cell, bidirectional: backward.kernel !== undefined } as const
  })
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

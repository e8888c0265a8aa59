import { FormatError } from '../../core/errors.js'
import { suffixesOf } from '../../nn/shapes.js'
import type { TensorValues } from '../safetensors.js'
import { listLayers, nameOf } from './config.js'
import type { KerasContent } from './keras.js'
import { fromKeras, type KerasWeights, transposed } from './layers.js'
import type { ModelLayer, RecurrentModelLayer } from './model-layers.js'
import {
  areCheckpoint,
  checkWeights,
  type LayerWeights,
  layerByWeights,
  resetsBefore,
  type Tensors,
  weightsByLayer,
} from './weights.js'

export interface Recurrent {
  layer: RecurrentModelLayer
  weights: LayerWeights
}

export const isRecurrent = (layer: ModelLayer): layer is RecurrentModelLayer => layer.kind === 'recurrent'

/**
 * The parameters of a recurrent layer under the names that PyTorch gives them in layer `l` of a stack.
 * @param bias whether there are biases, which are 0 if the layer has none
 */
export function parametersOf({ layer, weights }: Recurrent, l: number, bias: boolean): Record<string, TensorValues> {
  const parameters: Record<string, TensorValues> = {}
  for (const [d, suffix] of suffixesOf(l, layer.bidirectional).entries()) {
    const own = d === 0 ? weights.forward : weights.backward
    const { bias_ih, bias_hh, ...matrices } = fromKeras(layer.cell, withBias(own))
    for (const [name, values] of Object.entries(bias ? { ...matrices, bias_ih, bias_hh } : matrices)) {
      parameters[`${name}_${suffix}`] = values
    }
  }
  return parameters
}

/** The weights with a bias of zeros if there is none. */
function withBias(weights: KerasWeights): Required<KerasWeights> {
  const columns = weights.kernel!.shape[1]
  return { bias: { data: new Float32Array(columns), shape: [columns] }, ...weights } as Required<KerasWeights>
}

/**
 * The weights of any model's layers under PyTorch's names after the layer's own, such as `lstm.weight_ih_l0`.
 * @throws FormatError for weights of other layers than Embedding, SimpleRNN, GRU, LSTM, Bidirectional and Dense
 */
export function tensorsOfKeras({ tensors, config }: KerasContent, where: string): Tensors {
  const layers = config === undefined ? [] : listLayers(config, where)
  const names = new Map(areCheckpoint(tensors) ? layers.map((layer) => [layer.folder, nameOf(layer)]) : [])
  const result: Record<string, TensorValues> = {}
  for (const [key, weights] of weightsByLayer(tensors, where, layers.map(nameOf))) {
    const { forward } = weights
    const name = names.get(key) ?? key
    const layer = layerByWeights(name, weights)
    checkWeights(layer, weights, where)
    if (isRecurrent(layer) && resetsBefore(layer, weights)) {
      throw new FormatError(
        `${where}: ${name} is a GRU with reset_after = false, which weights under PyTorch’s names do not tell; import it as a language model, or build it here with resetAfter: false and copy its weights`,
      )
    }
    const own: Record<string, TensorValues> = isRecurrent(layer)
      ? parametersOf({ layer, weights }, 0, forward.bias !== undefined)
      : { weight: forward.embeddings ?? transposed(forward.kernel!), ...(forward.bias && { bias: forward.bias }) }
    for (const [part, values] of Object.entries(own)) result[`${name}.${part}`] = values
  }
  return result
}

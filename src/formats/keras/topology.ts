import { DataError } from '../../core/errors.js'
import type { RNNModel } from '../../nn/model.js'
import { suffixesOf } from '../../nn/shapes.js'
import { inMemoryOf } from '../../tensor/saved-tensors.js'
import { inModelFile } from '../for-pytorch.js'
import { foreignCell } from '../foreign-cell.js'
import { valuesProblem } from '../model-config.js'
import { configOf } from '../model-of.js'
import type { TensorValues } from '../safetensors.js'
import { classOfCell, type KerasWeights, toKeras, transposed } from './layers.js'

/** A layer as it is written for Keras. */
export interface WrittenLayer {
  class_name: string
  config: Readonly<Record<string, unknown>>
  /** The layer within a Bidirectional one, which belongs into its `config`. */
  layer?: WrittenLayer
  weights: WrittenWeight[]
}

/** What a configuration says of a layer in every version of Keras. */
export type LayerWords = Pick<WrittenLayer, 'class_name' | 'config'>

export interface WrittenWeight {
  /** Its name in TensorFlow.js. */
  variable: string
  /** Its path in Keras 3's files. */
  checkpoint: string
  values: TensorValues
}

/** The most values of an identity matrix, which makes tokens one-hot: 256 MB. */
const MOST_ONE_HOT = 2 ** 26

/**
 * The layers that compute a model's scores in Keras: an Embedding, which for one-hot tokens is the identity; recurrent
 * layers; and a Dense one. Their input is whole numbers, [batch, numSteps]; their output scores, [batch, numSteps,
 * vocabSize].
 * @throws DataError for layer normalization, for a cell that Keras does not have, and for values that are not finite
 */
export async function kerasLayersOf(model: RNNModel, where: string): Promise<WrittenLayer[]> {
  const cell = foreignCell(where, model.rnn.kind)
  const {
    nonlinearity = 'tanh',
    resetAfter = true,
    vocabSize,
    embeddingSize,
    numLayers,
    hiddenSize,
    bidirectional,
    ...config
  } = configOf(model)
  const fail = (problem: string): never => {
    throw new DataError(`${where}: ${problem}`)
  }
  if (config.projSize !== undefined || config.peepholes) {
    const projected = config.projSize !== undefined
    const what = projected ? 'a projection (projSize)' : 'peepholes'
    const todo = projected ? 'export it as safetensors, which PyTorch reads' : 'export it for onnx'
    const both = projected && config.peepholes
    fail(`the LSTM has ${what}, which Keras’ and TensorFlow.js’ LSTM does not have; ${both ? inModelFile : todo}`)
  }
  if (config.layerNorm) fail('the model has layer normalization, which Keras’ recurrent layers do not have')
  const parameters = await inMemoryOf(model.stateDict())
  const problem = valuesProblem(parameters)
  if (problem) fail(`${problem}; the model diverged: train it again with a smaller learning rate`)
  const embeddings = parameters['embedding.weight'] ?? identity(vocabSize, fail)
  const layers: WrittenLayer[] = [
    {
      class_name: 'Embedding',
      config: {
        ...common('embedding', embeddingSize !== undefined),
        input_dim: vocabSize,
        output_dim: embeddings.shape[1],
      },
      weights: [{ variable: 'embedding/embeddings', checkpoint: 'layers/embedding/vars/0', values: embeddings }],
    },
  ]
  const options = {
    units: hiddenSize,
    activation: nonlinearity,
    ...(cell !== 'rnn' && { recurrent_activation: 'sigmoid' }),
    ...(cell === 'gru' && { reset_after: resetAfter }),
    use_bias: config.bias,
    // TensorFlow.js would otherwise decompose a matrix for initial values that are replaced.
    recurrent_initializer: { class_name: 'GlorotUniform', config: {} },
    return_sequences: true,
  }
  for (let l = 0; l < numLayers; l++) {
    const base = bidirectional ? 'bidirectional' : { rnn: 'simple_rnn', gru: 'gru', lstm: 'lstm' }[cell]
    const name = l === 0 ? base : `${base}_${l}`
    const weights = suffixesOf(l, bidirectional).flatMap((suffix, d) => {
      const own = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((part) => [
        part,
        parameters[`rnn.${part}_${suffix}`],
      ])
      const direction = d === 0 ? 'forward' : 'backward'
      const variables = bidirectional ? `${name}/${direction}_${cell}` : name
      const folder = bidirectional ? `layers/${name}/${direction}_layer/cell` : `layers/${name}/cell`
      return weightsOf(toKeras(cell, resetAfter, Object.fromEntries(own)), variables, folder)
    })
    const layer = {
      class_name: classOfCell[cell],
      config: { ...common(bidirectional ? cell : name), ...options },
      weights,
    }
    const both = { class_name: 'Bidirectional', config: { ...common(name), merge_mode: 'concat' }, layer, weights }
    layers.push(bidirectional ? both : layer)
  }
  const kernel = transposed(parameters['linear.weight'] ?? parameters['embedding.weight'])
  layers.push({
    class_name: 'Dense',
    config: { ...common('dense'), units: vocabSize, activation: 'linear', use_bias: true },
    weights: weightsOf({ kernel, bias: parameters['linear.bias'] }, 'dense', 'layers/dense'),
  })
  return layers
}

/**
 * A Sequential model of these layers, which takes tokens.
 * @param shape the name of the input's shape in a version of Keras @param inWords adds what that version says of each layer
 */
export function sequentialOf(
  layers: readonly WrittenLayer[],
  shape: 'batch_shape' | 'batch_input_shape',
  inWords: (layer: LayerWords) => unknown,
): LayerWords {
  const written = ({ class_name, config, layer }: Omit<WrittenLayer, 'weights'>): unknown =>
    inWords({ class_name, config: layer ? { ...config, layer: written(layer) } : config })
  const input = { class_name: 'InputLayer', config: { name: 'tokens', [shape]: [null, null], dtype: 'int32' } }
  return { class_name: 'Sequential', config: { name: 'sequential', layers: [input, ...layers].map(written) } }
}

const common = (name: string, trainable = true) => ({ name, trainable, dtype: 'float32' })

const weightsOf = (weights: KerasWeights, variables: string, folder: string): WrittenWeight[] =>
  Object.entries(weights).map(([role, values], i) => ({
    variable: `${variables}/${role}`,
    checkpoint: `${folder}/vars/${i}`,
    values,
  }))

function identity(size: number, fail: (problem: string) => never): TensorValues {
  if (size * size > MOST_ONE_HOT) {
    fail(
      `the model takes ${size} tokens one-hot, which Keras reads through an identity matrix of ${size} × ${size}, expected at most ${Math.sqrt(MOST_ONE_HOT)}; train it with embeddingSize`,
    )
  }
  const data = new Float32Array(size * size)
  for (let i = 0; i < size; i++) data[i * size + i] = 1
  return { data, shape: [size, size] }
}

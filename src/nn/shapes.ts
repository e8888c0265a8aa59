import type { Shape } from '../core/shape.js'
import { type LayerKind, parameterShapes } from '../device/cells.js'

// The names and shapes of parameters, in PyTorch's order: modules are constructed from these lists, and saved files are
// checked against them. The lists are generators, so that a forged number of layers is not listed to its end.

export type Shapes = Iterable<[name: string, shape: Shape]>

/** The ending of the names of a layer's parameters in one direction. */
export type Suffix = `l${number}` | `l${number}_reverse`

/** The options that decide the parameters of a recurrent layer. */
export interface RecurrentParameters {
  kind: LayerKind
  inputSize: number
  hiddenSize: number
  numLayers: number
  bias: boolean
  bidirectional: boolean
  layerNorm?: boolean
  projSize?: number
  peepholes?: boolean
}

/** The options that decide the parameters of an RNNModel. */
export interface ModelParameters extends Omit<RecurrentParameters, 'inputSize'> {
  vocabSize: number
  embeddingSize?: number
  tieWeights?: boolean
}

/** The endings of the parameters' names: one for each direction of a layer. */
export const suffixesOf = (layer: number, bidirectional: boolean): Suffix[] =>
  bidirectional ? [`l${layer}`, `l${layer}_reverse`] : [`l${layer}`]

/** The features of a recurrent layer's output at each step. */
export const outputFeatures = ({
  hiddenSize,
  projSize = hiddenSize,
  bidirectional,
}: Pick<RecurrentParameters, 'hiddenSize' | 'projSize' | 'bidirectional'>): number => projSize * (bidirectional ? 2 : 1)

export function* recurrentShapes(options: RecurrentParameters): Shapes {
  const { kind, inputSize, numLayers, bidirectional, layerNorm = false } = options
  for (let layer = 0; layer < numLayers; layer++) {
    const features = layer === 0 ? inputSize : outputFeatures(options)
    const shapes = Object.entries(parameterShapes(kind, { ...options, inputSize: features, layerNorm }))
    for (const suffix of suffixesOf(layer, bidirectional)) {
      for (const [name, shape] of shapes) yield [`${name}_${suffix}`, shape]
    }
  }
}

export const linearShapes = (inFeatures: number, outFeatures: number) =>
  ({ weight: [outFeatures, inFeatures], bias: [outFeatures] }) as const

/** The parameters of an RNNModel, named as in its `stateDict`. A shared weight is listed once, under its first name. */
export function* modelShapes(options: ModelParameters): Shapes {
  const { vocabSize, embeddingSize, tieWeights } = options
  if (embeddingSize) yield ['embedding.weight', [vocabSize, embeddingSize]]
  for (const [name, shape] of recurrentShapes({ ...options, inputSize: embeddingSize ?? vocabSize })) {
    yield [`rnn.${name}`, shape]
  }
  const { weight, bias } = linearShapes(outputFeatures(options), vocabSize)
  if (!tieWeights) yield ['linear.weight', weight]
  yield ['linear.bias', bias]
}

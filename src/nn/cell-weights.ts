import type { LayerKind } from '../device/cells.js'
import type { CellWeights, LayerSizes } from '../device/device.js'
import type { LayerParameters, recurrentLayer } from '../tensor/recurrent.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Value } from '../tensor/value.js'

/** The weights of a cell, beside those that the kernels know. */
export interface LayerWeights<V> extends CellWeights<V> {
  /** An LSTM's projection of h, [projSize, hiddenSize]; weightHh is then [4 × hiddenSize, projSize]. */
  weightHr?: V
}

/** The weights of a cell from its parameters, by PyTorch's names. */
export const cellWeights = <V>(parameter: (name: string) => V): LayerWeights<V> => ({
  weightIh: parameter('weight_ih'),
  weightHh: parameter('weight_hh'),
  biasIh: parameter('bias_ih'),
  biasHh: parameter('bias_hh'),
  gainIh: parameter('gain_ih'),
  gainHh: parameter('gain_hh'),
  gainC: parameter('gain_c'),
  biasC: parameter('bias_c'),
  weightHr: parameter('weight_hr'),
  weightCh: parameter('weight_ch'),
})

/** Applies a function to each weight that a cell has. */
export const mapWeights = <A, B>(weights: LayerWeights<A>, change: (weight: A) => B): LayerWeights<B> =>
  Object.fromEntries(
    Object.entries(weights)
      .filter(([, weight]) => weight !== undefined)
      .map(([name, weight]) => [name, change(weight)]),
  ) as unknown as LayerWeights<B>

/** The weights of a language model in one direction. */
export interface StackWeights {
  kind: LayerKind
  layers: readonly LayerWeights<Value>[]
  /** Those of the linear output, [vocabSize, features of h] and [vocabSize]. */
  weight: Value
  bias?: Value
  /** The embedding of the tokens, [vocabSize, inputSize], unless they are one-hot. */
  embedding?: Value
}

/** Runs one layer in one direction over a whole sequence; the shapes are those of `recurrentLayer`. */
export type Walk = (
  sizes: LayerSizes,
  weights: LayerWeights<Tensor> & Pick<LayerParameters, 'head'>,
  input: Tensor,
  h0?: Tensor,
  c0?: Tensor,
) => ReturnType<typeof recurrentLayer>

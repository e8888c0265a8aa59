import type { LayerKind } from '../device/cells.js'
import type { CellWeights, LayerSizes } from '../device/device.js'
import type { LayerParameters, recurrentLayer } from '../tensor/recurrent.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Value } from '../tensor/value.js'

/** The weights of a cell from its parameters, by PyTorch's names. */
export const cellWeights = <V>(parameter: (name: string) => V): CellWeights<V> => ({
  weightIh: parameter('weight_ih'),
  weightHh: parameter('weight_hh'),
  biasIh: parameter('bias_ih'),
  biasHh: parameter('bias_hh'),
  gainIh: parameter('gain_ih'),
  gainHh: parameter('gain_hh'),
  gainC: parameter('gain_c'),
  biasC: parameter('bias_c'),
})

/** Applies a function to each weight that a cell has. */
export const mapWeights = <A, B>(weights: CellWeights<A>, change: (weight: A) => B): CellWeights<B> =>
  Object.fromEntries(
    Object.entries(weights)
      .filter(([, weight]) => weight !== undefined)
      .map(([name, weight]) => [name, change(weight)]),
  ) as unknown as CellWeights<B>

/** The weights of a language model in one direction. */
export interface StackWeights {
  kind: LayerKind
  layers: readonly CellWeights<Value>[]
  /** Those of the linear output, [vocabSize, hiddenSize] and [vocabSize]. */
  weight: Value
  bias?: Value
  /** The embedding of the tokens, [vocabSize, inputSize], unless they are one-hot. */
  embedding?: Value
}

/** Runs one layer in one direction over a whole sequence; the shapes are those of `recurrentLayer`. */
export type Walk = (
  sizes: LayerSizes,
  weights: LayerParameters,
  input: Tensor,
  h0?: Tensor,
  c0?: Tensor,
) => ReturnType<typeof recurrentLayer>

import { zerosOn } from '../tensor/create.js'
import { concatenate, linear } from '../tensor/functions.js'
import { recurrentLayer } from '../tensor/recurrent.js'
import type { Tensor } from '../tensor/tensor.js'
import { type LayerWeights, mapWeights, type Walk } from './cell-weights.js'
import { ValidRows } from './step-rows.js'

/**
 * `recurrentLayer` for an LSTM with a projection, h = W_hr m with m = o tanh(c). As W_hh h' = (W_hh W_hr) m', the LSTM of the
 * kernels computes m with the product of both matrices as its weights, and h is one more product after all steps.
 *
 * Only h before the first step is the projection of no m. It is the state of additional units, one for each of its features,
 * whose columns of the weights are W_hh. As their rows are zeros, so are these units after the first step.
 */
export const projectedLayer: Walk = (sizes, { weightHr, head, ...weights }, input, h0, c0) => {
  const { numSteps, batchSize, hiddenSize, lengths } = sizes
  const { weightHh } = weights
  const { device } = weightHh
  let layer: LayerWeights<Tensor> = { ...weights, weightHh: weightHh.matmul(weightHr!) }
  let [units, projection, m0] = [hiddenSize, weightHr!, undefined as Tensor | undefined]
  if (h0) {
    const projSize = weightHh.shape[1]
    const zeros = (...shape: number[]) => zerosOn(device, shape)
    const wide = { ...layer, weightHh: concatenate([layer.weightHh, weightHh], 1) }
    layer = mapWeights(wide, (weight) => withUnits(weight, hiddenSize, projSize))
    units = hiddenSize + projSize
    projection = concatenate([projection, zeros(projSize, projSize)], 1)
    m0 = concatenate([zeros(batchSize, hiddenSize), h0], 1)
    c0 = c0 && concatenate([c0, zeros(batchSize, projSize)], 1)
  }
  const { output, hn, cn } = (recurrentLayer as Walk)({ ...sizes, hiddenSize: units }, layer, input, m0, c0)
  const h = linear(output, projection)
  const state = { hn: linear(hn, projection), cn: h0 ? cn!.slice(1, 0, hiddenSize) : cn }
  if (!head) return { output: h, ...state }
  const rows = lengths && new ValidRows(lengths, numSteps)
  const scores = linear(rows ? rows.of(h) : h, head.weight, head.bias)
  return { output: rows ? rows.padded(scores) : scores, ...state }
}

/** Weights with rows of zeros for `more` units after those of each gate. */
function withUnits(weight: Tensor, hiddenSize: number, more: number): Tensor {
  const [, ...columns] = weight.shape
  const gates = weight.shape[0] / hiddenSize
  const zeros = zerosOn(weight.device, [gates, more, ...columns])
  const wide = concatenate([weight.reshape(gates, hiddenSize, ...columns), zeros], 1)
  return wide.reshape(gates * (hiddenSize + more), ...columns)
}

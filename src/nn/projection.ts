import { zerosOn } from '../tensor/create.js'
import { concatenate, linear } from '../tensor/functions.js'
import { recurrentLayer } from '../tensor/recurrent.js'
import type { Tensor } from '../tensor/tensor.js'
import { cellSteps } from './cell-step.js'
import { type LayerWeights, mapWeights, type Walk } from './cell-weights.js'
import { ValidRows } from './step-rows.js'

const layer = recurrentLayer as Walk

/**
 * `recurrentLayer` for an LSTM with a projection, h = W_hr m with m = o tanh(c). As W_hh h' = (W_hh W_hr) m', the LSTM of the
 * kernels computes m with the product of both matrices as its weights, and h is one more product after all steps.
 */
export const projectedLayer: Walk = (sizes, { weightHr: projection, head, ...weights }, input, h0, c0) => {
  const { numSteps, lengths } = sizes
  const merged = { ...weights, weightHh: weights.weightHh.matmul(projection!) }
  const projected = (m: Tensor) => linear(m, projection!)
  let m: Walked
  if (!h0) m = whole(layer(sizes, merged, input, undefined, c0))
  else if (lengths) m = whole(withInitialUnits(sizes, merged, weights.weightHh, input, h0, c0))
  else m = withFirstStep(sizes, merged, weights, input, h0, c0)
  const h = concatenate(m.parts.map(projected))
  const state = { hn: projected(m.hn), cn: m.cn }
  if (!head) return { output: h, ...state }
  const rows = lengths && new ValidRows(lengths, numSteps)
  const scores = linear(rows ? rows.of(h) : h, head.weight, head.bias)
  return { output: rows ? rows.padded(scores) : scores, ...state }
}

/** m at all steps, as parts of them that follow one another, and the last states. */
interface Walked {
  parts: readonly Tensor[]
  hn: Tensor
  cn?: Tensor
}

const whole = ({ output, ...state }: ReturnType<Walk>): Walked => ({ parts: [output], ...state })

/** m of a layer whose h before the first step is the projection of no m: the first step is one of a cell. */
function withFirstStep(
  sizes: Parameters<Walk>[0],
  merged: LayerWeights<Tensor>,
  weights: LayerWeights<Tensor>,
  input: Tensor,
  h0: Tensor,
  c0: Tensor | undefined,
): Walked {
  const { numSteps, batchSize, hiddenSize, reverse } = sizes
  const { inputSums, step } = cellSteps('lstm', weights)
  const [first, rest] = reverse ? [numSteps - 1, 0] : [0, 1]
  const before = { h: h0, c: c0 ?? zerosOn(h0.device, [batchSize, hiddenSize]) }
  const { h, c } = step(inputSums(input.select(0, first)), before)
  const one = h.reshape(1, batchSize, hiddenSize)
  if (numSteps === 1) return { parts: [one], hn: h, cn: c }
  const others = input.slice(0, rest, rest + numSteps - 1)
  const { output, ...state } = layer({ ...sizes, numSteps: numSteps - 1 }, merged, others, h, c)
  return { parts: reverse ? [output, one] : [one, output], ...state }
}

/**
 * m of sequences that have lengths of their own. h before the first step is the state of additional units, one for each of
 * its features, whose columns of the weights are W_hh. As their rows are zeros, so are these units after the first step.
 */
function withInitialUnits(
  sizes: Parameters<Walk>[0],
  merged: LayerWeights<Tensor>,
  weightHh: Tensor,
  input: Tensor,
  h0: Tensor,
  c0: Tensor | undefined,
): ReturnType<Walk> {
  const { batchSize, hiddenSize } = sizes
  const { device } = weightHh
  const projSize = h0.shape[1]
  const wide = { ...merged, weightHh: concatenate([merged.weightHh, weightHh], 1) }
  const weights = mapWeights(wide, (weight) => withUnits(weight, hiddenSize, projSize))
  const m0 = concatenate([zerosOn(device, [batchSize, hiddenSize]), h0], 1)
  const wideC = c0 && concatenate([c0, zerosOn(device, [batchSize, projSize])], 1)
  const { output, hn, cn } = layer({ ...sizes, hiddenSize: hiddenSize + projSize }, weights, input, m0, wideC)
  return {
    output: output.slice(2, 0, hiddenSize),
    hn: hn.slice(1, 0, hiddenSize),
    cn: cn!.slice(1, 0, hiddenSize),
  }
}

/** Weights with rows of zeros for `more` units after those of each gate. */
function withUnits(weight: Tensor, hiddenSize: number, more: number): Tensor {
  const [, ...columns] = weight.shape
  const gates = weight.shape[0] / hiddenSize
  const zeros = zerosOn(weight.device, [gates, more, ...columns])
  const wide = concatenate([weight.reshape(gates, hiddenSize, ...columns), zeros], 1)
  return wide.reshape(gates * (hiddenSize + more), ...columns)
}

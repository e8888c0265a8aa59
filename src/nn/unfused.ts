import type { CellKind } from '../device/cells.js'
import type { RecurrentSizes } from '../device/device.js'
import { layerNorm, linear, split, stack } from '../tensor/functions.js'
import type { Tensor } from '../tensor/tensor.js'
import { type StateParts, zeroState } from './recurrent-state.js'
import { type CellAlgebra, type CellWeights, UnfusedCell } from './unfused-cell.js'

/** The arithmetic of tensors, which have gradients. */
const tensors: CellAlgebra<Tensor> = {
  linear,
  layerNorm,
  split: (x, sizes) => split(x, sizes, -1),
}

/** A cell that computes with tensor operations. */
export const tensorCell = (kind: CellKind, hiddenSize: number, weights: CellWeights<Tensor>) =>
  new UnfusedCell(tensors, kind, hiddenSize, weights)

/** W_ih x for inputs that are features, or tokens that stand for one-hot rows. */
export const inputProduct = (x: Tensor, weightIh: Tensor): Tensor =>
  x.dtype === 'int32' ? weightIh.T.gatherRows(x) : linear(x, weightIh)

/** A layer in one direction over a whole sequence; it computes the same as `recurrentLayer`, step by step. */
export function unfusedLayer(
  { cell: kind, batchSize, hiddenSize, reverse }: RecurrentSizes,
  weights: CellWeights<Tensor>,
  input: Tensor,
  h0?: Tensor,
  c0?: Tensor,
): { output: Tensor; hn: Tensor; cn?: Tensor } {
  const cell = tensorCell(kind, hiddenSize, weights)
  const zero = zeroState(kind, [batchSize, hiddenSize], weights.weightHh.device)
  let state: StateParts = { h: h0 ?? zero.h, c: c0 ?? zero.c }
  const sums = cell
    .input(inputProduct(input, weights.weightIh))
    .map((part) => split(part, 1, 0).map((step) => step.reshape(batchSize, -1)))
  const steps = sums[0].map((_, t) => sums.map((part) => part[t]))
  const hs = (reverse ? steps.reverse() : steps).map((a) => {
    state = cell.step(a, state)
    return state.h
  })
  return { output: stack(reverse ? hs.reverse() : hs), hn: state.h, cn: state.c }
}

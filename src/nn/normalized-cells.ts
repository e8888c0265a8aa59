import type { CellKind, RecurrentSizes } from '../kernels/kernels.js'
import { zeros } from '../tensor/create.js'
import { concatenate, layerNorm, linear, split, stack } from '../tensor/functions.js'
import type { LayerWeights } from '../tensor/recurrent.js'
import type { Tensor } from '../tensor/tensor.js'

// Layer normalization in the cells of recurrent layers: the equations of Ba, Kiros & Hinton 2016, supplement, in
// PyTorch's order of gates. Each LN(x) has its gain, and as its bias one of PyTorch's two: b_ih or b_hh.

/**
 * PyTorch's weights of a layer, and those of normalization where it has it: gains [gates × hiddenSize], for c
 * [hiddenSize].
 */
export interface NormalizedWeights extends LayerWeights {
  gainIh?: Tensor
  gainHh?: Tensor
  /** Of an LSTM. */
  gainC?: Tensor
  biasC?: Tensor
}

/** One of several layers on top of each other. */
export interface LayerOfStack {
  cell: CellKind
  inputSize: number
  hiddenSize: number
  weights: NormalizedWeights
}

/** The state of one layer, [batchSize, hiddenSize]; `c` of an LSTM. */
export interface CellState {
  h: Tensor
  c?: Tensor
}

/** A layer in one direction over a whole sequence: `recurrentLayer`, from tensor operations step by step. */
export function normalizedLayer(
  { cell, batchSize, hiddenSize, reverse }: RecurrentSizes,
  weights: NormalizedWeights,
  input: Tensor,
  h0?: Tensor,
  c0?: Tensor,
): { output: Tensor; hn: Tensor; cn?: Tensor } {
  let state = { ...zeroState(cell, batchSize, hiddenSize), ...(h0 && { h: h0 }), ...(c0 && { c: c0 }) }
  const steps = split(normalizedInput(cell, weights, input), 1, 0).map((a) => a.reshape(batchSize, -1))
  const hs = (reverse ? steps.reverse() : steps).map((a) => {
    state = normalizedStep(cell, weights, a, state)
    return state.h
  })
  return { output: stack(reverse ? hs.reverse() : hs), hn: state.h, cn: state.c }
}

export function zeroState(cell: CellKind, batchSize: number, hiddenSize: number): CellState {
  const shape = [batchSize, hiddenSize]
  return { h: zeros(shape), c: cell === 'lstm' ? zeros(shape) : undefined }
}

/** LN(W_ih x) of any number of inputs at once: features, or tokens for one-hot rows. */
export function normalizedInput(cell: CellKind, weights: NormalizedWeights, x: Tensor): Tensor {
  const { weightIh, gainIh, biasIh } = weights
  return normalizeGates(cell, x.dtype === 'int32' ? weightIh.T.gatherRows(x) : linear(x, weightIh), gainIh!, biasIh)
}

/** One time step. `a` is LN(W_ih x), [batchSize, gates × hiddenSize]. */
export function normalizedStep(cell: CellKind, weights: NormalizedWeights, a: Tensor, state: CellState): CellState {
  const { weightHh, gainHh, biasHh } = weights
  const u = normalizeGates(cell, linear(state.h, weightHh), gainHh!, biasHh)
  switch (cell) {
    case 'rnn_tanh':
      return { h: a.add(u).tanh() }
    case 'rnn_relu':
      return { h: a.add(u).relu() }
    case 'gru':
      return gruStep(a, u, state)
    case 'lstm':
      return lstmStep(weights, a, u, state)
  }
}

/**
 *     r, z = σ(LN(W_ih x) + LN(W_hh h'))
 *     n = tanh(LN(W_in x) + r LN(W_hn h'))
 *     h = (1 − z) n + z h'
 */
function gruStep(a: Tensor, u: Tensor, { h: before }: CellState): CellState {
  const [, size] = before.shape
  const [[aGates, aNew], [uGates, uNew]] = [a, u].map((part) => split(part, [2 * size, size], 1))
  const [r, z] = split(aGates.add(uGates).sigmoid(), size, 1)
  const n = aNew.add(r.mul(uNew)).tanh()
  return { h: n.add(z.mul(before.sub(n))) }
}

/**
 *     i, f, g, o = LN(W_ih x) + LN(W_hh h')
 *     c = σ(f) c' + σ(i) tanh(g)
 *     h = σ(o) tanh(LN(c))
 */
function lstmStep({ gainC, biasC }: NormalizedWeights, a: Tensor, u: Tensor, before: CellState): CellState {
  const [i, f, g, o] = split(a.add(u), before.h.shape[1], 1)
  const c = f.sigmoid().mul(before.c!).add(i.sigmoid().mul(g.tanh()))
  return { h: o.sigmoid().mul(layerNorm(c, gainC!, biasC).tanh()), c }
}

/** All gates of a step together; of a GRU r and z together and n apart, as it is used apart. */
function normalizeGates(cell: CellKind, x: Tensor, gain: Tensor, bias: Tensor | undefined): Tensor {
  if (cell !== 'gru') return layerNorm(x, gain, bias)
  const size = gain.size / 3
  const apart = (whole: Tensor) => split(whole, [2 * size, size], -1)
  const [parts, gains, biases] = [apart(x), apart(gain), bias && apart(bias)]
  return concatenate(
    parts.map((part, i) => layerNorm(part, gains[i], biases?.[i])),
    -1,
  )
}

import { ShapeError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import { checkTensor, floatsIn, Tensor } from '../tensor/tensor.js'

/** The state of an LSTM: hidden state and cell state, each [numLayers × numDirections, batch, hiddenSize]. */
export interface LSTMState {
  h: Tensor
  c: Tensor
}

/** What a recurrent layer carries from one call to the next; an RNN's or GRU's is h alone. */
export type RecurrentState = Tensor | LSTMState

/**
 * The same state, cut off from the graph that made it: gradients stop here (truncated backpropagation).
 * @throws ShapeError for what is no state
 */
export function detachState<S extends RecurrentState>(state: S): S {
  if (state instanceof Tensor) return state.detach() as S
  const { h, c }: Partial<LSTMState> = Object(state)
  checkTensor('detachState', h, 'state.h')
  checkTensor('detachState', c, 'state.c')
  return { h: h.detach(), c: c.detach() } as S
}

/** The state of a layer without cells: one tensor, not an LSTM's pair. */
export function checkHiddenState(layer: string, state: unknown): Tensor {
  if (state instanceof Tensor) return state
  throw new ShapeError(
    `${layer}.forward: state is not a tensor, expected [layers × directions, batch, hiddenSize] (only an LSTM's is { h, c })`,
  )
}

/** @throws ShapeError unless a part of a state, h or c, has these sizes */
export function checkState(where: string, part: Tensor, expected: readonly number[]): void {
  if (sameShape(floatsIn(where, part, 'state').shape, expected)) return
  throw new ShapeError(
    `${where}: state has the shape ${formatShape(part.shape)}, expected [layers × directions, batch, hiddenSize] = ${formatShape(expected)}`,
  )
}

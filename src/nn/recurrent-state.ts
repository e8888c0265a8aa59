import { ShapeError } from '../core/errors.js'
import { formatShape, type Shape, sameShape } from '../core/shape.js'
import { hasC, type LayerKind } from '../device/cells.js'
import type { Device } from '../device/device.js'
import { zerosOn } from '../tensor/create.js'
import { floatsIn } from '../tensor/placed.js'
import { checkTensor, Tensor } from '../tensor/tensor.js'

/**
 * The state of an LSTM: the hidden state and the cell state, each [numLayers × numDirections, batch, hiddenSize], or
 * for an LSTMCell [batch, hiddenSize]. With a projection, h has projSize features.
 */
export interface LSTMState {
  h: Tensor
  c: Tensor
}

/** The state that a recurrent layer carries from one call to the next: h alone for an RNN or GRU. */
export type RecurrentState = Tensor | LSTMState

/**
 * The same state, cut off from the graph that made it: gradients stop here (truncated backpropagation).
 * @throws ShapeError for anything but a state
 */
export function detachState<S extends RecurrentState>(state: S): S {
  if (state instanceof Tensor) return state.detach() as S
  const { h, c }: Partial<LSTMState> = Object(state)
  checkTensor('detachState', h, 'state.h')
  checkTensor('detachState', c, 'state.c')
  return { h: h.detach(), c: c.detach() } as S
}

/** The parts of a state; `c` only for cells that have it. */
export interface StateParts {
  h: Tensor
  c?: Tensor
}

/** The state of a cell as users see it: h alone, or { h, c }. */
export const joinState = <S extends RecurrentState>({ h, c }: StateParts): S => (c ? { h, c } : h) as S

/** The widths of the parts of a state. */
export interface StateWidths {
  hiddenSize: number
  /** Of h, if it is not hiddenSize. */
  projSize?: number
}

/** @param rows the axes before the last */
export function zeroState(kind: LayerKind, rows: Shape, widths: StateWidths, device: Device): StateParts {
  const { hiddenSize, projSize = hiddenSize } = widths
  const zeros = (width: number) => zerosOn(device, [...rows, width])
  return { h: zeros(projSize), c: hasC(kind) ? zeros(hiddenSize) : undefined }
}

/**
 * Checks a state that a user passed to `where`, and returns its parts.
 * @param rows the axes before the last, @param axes their names
 * @throws ShapeError for another cell's state, or for other sizes
 */
export function splitState(
  where: string,
  kind: LayerKind,
  state: unknown,
  rows: Shape,
  axes: string,
  { hiddenSize, projSize }: StateWidths,
): StateParts {
  const { h, c }: Partial<StateParts> = hasC(kind) ? Object(state) : { h: state as Tensor }
  if (hasC(kind) && !(h instanceof Tensor && c instanceof Tensor)) {
    throw new ShapeError(`${where}: state is not { h, c }, expected both tensors, like those that beginState makes`)
  }
  if (!(h instanceof Tensor)) {
    throw new ShapeError(`${where}: state is not a tensor, expected [${axes}, hiddenSize] (only an LSTM's is { h, c })`)
  }
  for (const [name, part] of Object.entries({ h, ...(c && { c }) })) {
    const [width, axis] = name === 'h' && projSize !== undefined ? [projSize, 'projSize'] : [hiddenSize, 'hiddenSize']
    const expected = [...rows, width]
    if (sameShape(floatsIn(where, part, 'state').shape, expected)) continue
    const which = projSize === undefined ? 'state' : `state.${name}`
    throw new ShapeError(
      `${where}: ${which} has the shape ${formatShape(part.shape)}, expected [${axes}, ${axis}] = ${formatShape(expected)}`,
    )
  }
  return { h, c }
}

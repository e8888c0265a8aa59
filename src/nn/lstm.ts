import { RecurrentCell, type RecurrentCellOptions } from './cell.js'
import { RecurrentLayer, type RecurrentOptions } from './recurrent.js'
import type { LSTMState } from './recurrent-state.js'

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000) over whole sequences:
 *
 *     i = σ(W_ii x + b_ii + W_hi h' + b_hi)
 *     f = σ(W_if x + b_if + W_hf h' + b_hf)
 *     g = tanh(W_ig x + b_ig + W_hg h' + b_hg)
 *     o = σ(W_io x + b_io + W_ho h' + b_ho)
 *     c = f c' + i g
 *     h = o tanh(c)
 *
 * Its state is `{ h, c }`.
 */
export class LSTM extends RecurrentLayer<LSTMState> {
  declare readonly kind: 'lstm'

  constructor(options: RecurrentOptions) {
    super('LSTM', 'lstm', options)
  }
}

/** One time step of an LSTM, like PyTorch's LSTMCell: takes `{ h, c }`, each [batch, hiddenSize], returns the next. */
export class LSTMCell extends RecurrentCell<LSTMState> {
  declare readonly kind: 'lstm'

  constructor(options: RecurrentCellOptions) {
    super('LSTMCell', 'lstm', options)
  }
}

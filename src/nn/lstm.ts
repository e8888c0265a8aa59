import { ShapeError } from '../core/errors.js'
import { Tensor } from '../tensor/tensor.js'
import { RecurrentLayer, type RecurrentOptions } from './recurrent.js'
import type { LSTMState } from './state.js'

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000), with PyTorch's
 * gate order i, f, g, o and its two biases:
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
  readonly kind = 'lstm'

  constructor(options: RecurrentOptions) {
    super('LSTM', 'lstm', options)
  }

  protected splitState(state: LSTMState): LSTMState {
    if (!(state?.h instanceof Tensor && state.c instanceof Tensor)) {
      throw new ShapeError('LSTM.forward: state is not { h, c }, expected both tensors, as beginState makes them')
    }
    return state
  }

  protected joinState(h: Tensor, c: Tensor): LSTMState {
    return { h, c }
  }
}

import type { Tensor } from '../tensor/tensor.js'
import { RecurrentLayer, type RecurrentOptions } from './recurrent.js'
import { checkHiddenState } from './state.js'

/**
 * Gated recurrent units (Cho et al. 2014), with PyTorch's gate order r, z, n, its two biases, and the reset
 * gate applied after the hidden state's product:
 *
 *     r = σ(W_ir x + b_ir + W_hr h' + b_hr)
 *     z = σ(W_iz x + b_iz + W_hz h' + b_hz)
 *     n = tanh(W_in x + b_in + r (W_hn h' + b_hn))
 *     h = (1 − z) n + z h'
 */
export class GRU extends RecurrentLayer<Tensor> {
  readonly kind = 'gru'

  constructor(options: RecurrentOptions) {
    super('GRU', 'gru', options)
  }

  protected splitState(h: Tensor): { h: Tensor } {
    return { h: checkHiddenState('GRU', h) }
  }

  protected joinState(h: Tensor): Tensor {
    return h
  }
}

import { checkWord } from '../core/check.js'
import type { Tensor } from '../tensor/tensor.js'
import { RecurrentLayer, type RecurrentOptions } from './recurrent.js'
import { checkHiddenState } from './state.js'

export interface RNNOptions extends RecurrentOptions {
  /** Default 'tanh'. */
  nonlinearity?: 'tanh' | 'relu'
}

/**
 * The simple recurrent network (Elman 1990):
 *
 *     h = tanh(W_ih x + b_ih + W_hh h' + b_hh)        or relu of the same
 */
export class RNN extends RecurrentLayer<Tensor> {
  readonly kind: 'rnn_tanh' | 'rnn_relu'
  readonly nonlinearity: 'tanh' | 'relu'

  constructor(options: RNNOptions) {
    const { nonlinearity = 'tanh' } = options
    checkWord('RNN', 'nonlinearity', nonlinearity, ['tanh', 'relu'])
    super('RNN', `rnn_${nonlinearity}`, options)
    this.nonlinearity = nonlinearity
    this.kind = `rnn_${nonlinearity}`
  }

  protected splitState(h: Tensor): { h: Tensor } {
    return { h: checkHiddenState('RNN', h) }
  }

  protected joinState(h: Tensor): Tensor {
    return h
  }
}

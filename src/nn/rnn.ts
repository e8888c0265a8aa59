import { checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/options.js'
import type { Tensor } from '../tensor/tensor.js'
import { RecurrentLayer, type RecurrentOptions, recurrentOptions } from './recurrent.js'
import { checkHiddenState } from './state.js'

export interface RNNOptions extends RecurrentOptions {
  /** Default 'tanh'. */
  nonlinearity?: 'tanh' | 'relu'
}

const rnnOptions: OptionKinds<RNNOptions> = { ...recurrentOptions, nonlinearity: 'any' }

/**
 * The simple recurrent network (Elman 1990):
 *
 *     h = tanh(W_ih x + b_ih + W_hh h' + b_hh)        or relu of the same
 */
export class RNN extends RecurrentLayer<Tensor> {
  readonly kind: 'rnn_tanh' | 'rnn_relu'
  readonly nonlinearity: 'tanh' | 'relu'

  constructor(options: RNNOptions) {
    checkOptions('RNN', options, rnnOptions)
    const { nonlinearity = 'tanh', ...others } = options
    checkWord('RNN', 'nonlinearity', nonlinearity, ['tanh', 'relu'])
    super('RNN', `rnn_${nonlinearity}`, others)
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

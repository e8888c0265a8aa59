import { checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import type { Tensor } from '../tensor/tensor.js'
import { cellOptions, RecurrentCell, type RecurrentCellOptions } from './cell.js'
import { RecurrentLayer, type RecurrentOptions, recurrentOptions } from './recurrent.js'

/** The nonlinearity of a simple recurrent network. */
export type Nonlinearity = 'tanh' | 'relu'

interface OfAnRNN {
  /** Default 'tanh'. */
  nonlinearity?: Nonlinearity
}

/** Options of an RNN. */
export interface RNNOptions extends RecurrentOptions, OfAnRNN {}
/** Options of an RNNCell. */
export interface RNNCellOptions extends RecurrentCellOptions, OfAnRNN {}

const rnnOptions: OptionKinds<RNNOptions> = { ...recurrentOptions, nonlinearity: 'any' }
const rnnCellOptions: OptionKinds<RNNCellOptions> = { ...cellOptions, nonlinearity: 'any' }

/** Checks the nonlinearity among the options of an RNN, and separates it from the others. */
function separated<Options extends OfAnRNN>(where: string, options: Options, names: OptionKinds<Options>) {
  checkOptions(where, options, names)
  const { nonlinearity = 'tanh', ...others } = options
  checkWord(where, 'nonlinearity', nonlinearity, ['tanh', 'relu'])
  return { nonlinearity, others }
}

/**
 * The simple recurrent network (Elman 1990) over whole sequences:
 *
 *     h = tanh(W_ih x + b_ih + W_hh h' + b_hh)        or with relu instead of tanh
 */
export class RNN extends RecurrentLayer<Tensor> {
  declare readonly kind: `rnn_${Nonlinearity}`
  readonly nonlinearity: Nonlinearity

  constructor(options: RNNOptions) {
    const { nonlinearity, others } = separated('RNN', options, rnnOptions)
    super('RNN', `rnn_${nonlinearity}`, others)
    this.nonlinearity = nonlinearity
  }
}

/** One time step of an RNN, like PyTorch's RNNCell: takes h and returns the next one, [batch, hiddenSize]. */
export class RNNCell extends RecurrentCell<Tensor> {
  declare readonly kind: `rnn_${Nonlinearity}`
  readonly nonlinearity: Nonlinearity

  constructor(options: RNNCellOptions) {
    const { nonlinearity, others } = separated('RNNCell', options, rnnCellOptions)
    super('RNNCell', `rnn_${nonlinearity}`, others)
    this.nonlinearity = nonlinearity
  }
}

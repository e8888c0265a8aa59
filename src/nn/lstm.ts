import { checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import { elsewhere, RecurrentCell, type RecurrentCellOptions } from './cell.js'
import type { Walk } from './cell-weights.js'
import { projectedLayer } from './projection.js'
import { RecurrentLayer, type RecurrentOptions, recurrentOptions } from './recurrent.js'
import type { LSTMState } from './recurrent-state.js'

/** Options of an LSTM. */
export interface LSTMOptions extends RecurrentOptions {
  /**
   * The features of a projected hidden state, as PyTorch's `proj_size`: 1 to hiddenSize − 1. It adds `weight_hr`,
   * [projSize, hiddenSize]; h has projSize features, and c has hiddenSize. Not together with `layerNorm`. Default: no
   * projection.
   */
  projSize?: number
  /**
   * Whether the gates see c, each unit its own. It adds `weight_ch`, [3 × hiddenSize], the weights of i, f and o. Not together
   * with `layerNorm`. Default false.
   */
  peepholes?: boolean
}

const lstmOptions: OptionKinds<LSTMOptions> = { ...recurrentOptions, projSize: 'any', peepholes: 'boolean' }

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
 *
 * With `projSize`, the hidden state is projected (Sak, Senior & Beaufays 2014):
 *
 *     h = W_hr (o tanh(c))
 *
 * With `peepholes`, the gates see the cell state (Gers, Schraudolph & Schmidhuber 2002), as those of ONNX do:
 *
 *     i = σ(W_ii x + b_ii + W_hi h' + b_hi + p_i c')
 *     f = σ(W_if x + b_if + W_hf h' + b_hf + p_f c')
 *     o = σ(W_io x + b_io + W_ho h' + b_ho + p_o c)
 */
export class LSTM extends RecurrentLayer<LSTMState> {
  declare readonly kind: 'lstm'

  constructor(options: LSTMOptions) {
    checkOptions('LSTM', options, lstmOptions, elsewhere)
    const { projSize, peepholes = false, ...others } = options
    const { hiddenSize, layerNorm } = others
    if (layerNorm && (projSize !== undefined || peepholes)) {
      const other = peepholes ? 'peepholes' : 'projSize'
      throw new OptionError(`LSTM: layerNorm with ${other}, expected one of them; leave ${other} or layerNorm out`)
    }
    if (projSize !== undefined) {
      checkWhole('LSTM', 'projSize', projSize)
      checkWhole('LSTM', 'hiddenSize', hiddenSize)
    }
    if (projSize !== undefined && projSize >= hiddenSize) {
      throw new OptionError(
        `LSTM: projSize is ${projSize}, expected fewer features than hiddenSize = ${hiddenSize}; leave it out for no projection`,
      )
    }
    super('LSTM', 'lstm', others, { projSize, peepholes })
  }

  /** @internal */
  protected override get walk(): Walk {
    return this.projSize === undefined ? super.walk : projectedLayer
  }
}

/**
 * One time step of an LSTM, like PyTorch's LSTMCell: takes `{ h, c }`, each [batch, hiddenSize], returns the next. As there, it
 * has no projection, and no peepholes: one step with these is an LSTM's forward of a sequence of one.
 */
export class LSTMCell extends RecurrentCell<LSTMState> {
  declare readonly kind: 'lstm'

  constructor(options: RecurrentCellOptions) {
    super('LSTMCell', 'lstm', options)
  }
}

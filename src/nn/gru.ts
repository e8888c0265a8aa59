import type { Tensor } from '../tensor/tensor.js'
import { RecurrentCell, type RecurrentCellOptions } from './cell.js'
import { RecurrentLayer, type RecurrentOptions } from './recurrent.js'

/**
 * Gated recurrent units (Cho et al. 2014) over whole sequences:
 *
 *     r = σ(W_ir x + b_ir + W_hr h' + b_hr)
 *     z = σ(W_iz x + b_iz + W_hz h' + b_hz)
 *     n = tanh(W_in x + b_in + r (W_hn h' + b_hn))
 *     h = (1 − z) n + z h'
 */
export class GRU extends RecurrentLayer<Tensor> {
  declare readonly kind: 'gru'

  constructor(options: RecurrentOptions) {
    super('GRU', 'gru', options)
  }
}

/** One time step of a GRU, like PyTorch's GRUCell: takes h and returns the next one, [batch, hiddenSize]. */
export class GRUCell extends RecurrentCell<Tensor> {
  declare readonly kind: 'gru'

  constructor(options: RecurrentCellOptions) {
    super('GRUCell', 'gru', options)
  }
}

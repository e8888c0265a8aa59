import type { Tensor } from '../tensor/tensor.js'
import { RecurrentCell, type RecurrentCellOptions } from './cell.js'
import { RecurrentLayer, type RecurrentOptions } from './recurrent.js'
import { type CellStep, gatesIn } from './unfused.js'

/**
 * Gated recurrent units (Cho et al. 2014), with PyTorch's gate order r, z, n, its two biases, and the reset gate
 * applied after the hidden state's product. `a` = W_ih x + b_ih and `u` = W_hh h' + b_hh hold r and z together, and n
 * apart.
 */
const step: CellStep = ([a, aNew], [u, uNew], before) => {
  const [r, z] = gatesIn(a.add(u).sigmoid(), 2)
  const n = aNew.add(r.mul(uNew)).tanh()
  // This is (1 − z) n + z h' with one product fewer.
  const h = n.add(z.mul(before.h.sub(n)))
  return { h }
}

/**
 * Gated recurrent units over whole sequences:
 *
 *     r = σ(W_ir x + b_ir + W_hr h' + b_hr)
 *     z = σ(W_iz x + b_iz + W_hz h' + b_hz)
 *     n = tanh(W_in x + b_in + r (W_hn h' + b_hn))
 *     h = (1 − z) n + z h'
 */
export class GRU extends RecurrentLayer<Tensor> {
  declare readonly kind: 'gru'

  constructor(options: RecurrentOptions) {
    super('GRU', 'gru', step, options)
  }
}

/** One time step of a GRU, like PyTorch's GRUCell: takes h and returns the next one, [batch, hiddenSize]. */
export class GRUCell extends RecurrentCell<Tensor> {
  declare readonly kind: 'gru'

  constructor(options: RecurrentCellOptions) {
    super('GRUCell', 'gru', step, options)
  }
}

import type { CellKind } from '../device/cells.js'
import type { Tensor } from '../tensor/tensor.js'
import type { StateParts } from './recurrent-state.js'

/** The operations that equations need in addition to those of tensors. */
export interface CellTools {
  /** Splits sums into `count` gates that are side by side, [batch, hiddenSize] each. */
  gates(sums: Tensor, count: number): Tensor[]
  /** Applies layer normalization to c if the cell has it, or else returns c. */
  norm(c: Tensor): Tensor
}

/**
 * The equations of one time step of a cell.
 * @param a what the input adds to the gates: one matrix for each group of gates that the equations use together,
 *   [batch, gates of the group × hiddenSize]
 * @param u what the hidden state adds to them
 */
export type CellStep = (a: readonly Tensor[], u: readonly Tensor[], before: StateParts, tools: CellTools) => StateParts

/**
 * The simple recurrent network (Elman 1990); gated recurrent units (Cho et al. 2014), with PyTorch's gate order r, z, n
 * and the reset gate applied after the hidden state's product; and long short-term memory (Hochreiter & Schmidhuber
 * 1997; forget gate: Gers et al. 2000), with PyTorch's gate order i, f, g, o. `a` = W_ih x + b_ih and
 * `u` = W_hh h' + b_hh hold the sums of all gates; those of a GRU hold r and z together, and n apart.
 */
export const equations: Readonly<Record<CellKind, CellStep>> = {
  rnn_tanh: ([a], [u]) => ({ h: a.add(u).tanh() }),

  rnn_relu: ([a], [u]) => ({ h: a.add(u).relu() }),

  gru: ([a, aNew], [u, uNew], before, { gates }) => {
    const [r, z] = gates(a.add(u).sigmoid(), 2)
    const n = aNew.add(r.mul(uNew)).tanh()
    // This is (1 − z) n + z h' with one product fewer.
    const h = n.add(z.mul(before.h.sub(n)))
    return { h }
  },

  lstm: ([a], [u], before, { gates, norm }) => {
    const [i, f, g, o] = gates(a.add(u), 4)
    const c = f.sigmoid().mul(before.c!).add(i.sigmoid().mul(g.tanh()))
    const h = o.sigmoid().mul(norm(c).tanh())
    return { h, c }
  },
}

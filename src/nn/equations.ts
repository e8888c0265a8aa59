import type { CellKind } from '../device/cells.js'
import type { Tensor } from '../tensor/tensor.js'
import type { StateParts } from './recurrent-state.js'

/** The operations that equations need in addition to those of tensors. */
export interface CellTools {
  /** Splits sums into `count` gates that are side by side, [batch, hiddenSize] each. */
  gates(sums: Tensor, count: number): Tensor[]
  /** Applies layer normalization to c if the cell has it, or else returns c. */
  norm(c: Tensor): Tensor
  /** What a vector in the place of the hidden state adds to a group of gates. */
  product(group: number, state: Tensor): Tensor
  /** Adds to the sums of a gate what it sees of c if the cell has peepholes. @param gate its place among i, f and o */
  peep(sums: Tensor, gate: number, c: Tensor): Tensor
}

/** A cell by its equations: those of the kernels, and a GRU that resets the state before its product with the weights. */
export type EquationName = CellKind | 'gru_reset_before'

/**
 * The equations of one time step of a cell.
 * @param a what the input adds to the gates: one matrix for each group of gates that the equations use together,
 *   [batch, gates of the group × hiddenSize]
 * @param u what the hidden state adds to them; of a GRU that resets it before the product, to the first group alone
 */
export type CellStep = (a: readonly Tensor[], u: readonly Tensor[], before: StateParts, tools: CellTools) => StateParts

/**
 * The simple recurrent network (Elman 1990); gated recurrent units (Cho et al. 2014), with PyTorch's gate order r, z, n
 * and the reset gate applied after the hidden state's product; and long short-term memory (Hochreiter & Schmidhuber
 * 1997; forget gate: Gers et al. 2000), with PyTorch's gate order i, f, g, o. `a` = W_ih x + b_ih and
 * `u` = W_hh h' + b_hh hold the sums of all gates; those of a GRU hold r and z together, and n apart. The GRU that applies
 * the reset gate before the product is that of version 3 of Cho et al. (arXiv:1406.1078v3), which older Keras has. An LSTM
 * may have the peepholes of Gers et al. 2002.
 */
export const equations: Readonly<Record<EquationName, CellStep>> = {
  rnn_tanh: ([a], [u]) => ({ h: a.add(u).tanh() }),

  rnn_relu: ([a], [u]) => ({ h: a.add(u).relu() }),

  gru: ([a, aNew], [u, uNew], before, { gates }) => {
    const [r, z] = gates(a.add(u).sigmoid(), 2)
    const n = aNew.add(r.mul(uNew)).tanh()
    return { h: between(n, before.h, z) }
  },

  gru_reset_before: ([a, aNew], [u], before, { gates, product }) => {
    const [r, z] = gates(a.add(u).sigmoid(), 2)
    const n = aNew.add(product(1, r.mul(before.h))).tanh()
    return { h: between(n, before.h, z) }
  },

  lstm: ([a], [u], before, { gates, norm, peep }) => {
    const [i, f, g, o] = gates(a.add(u), 4)
    const kept = peep(f, 1, before.c!).sigmoid().mul(before.c!)
    const c = kept.add(peep(i, 0, before.c!).sigmoid().mul(g.tanh()))
    const h = peep(o, 2, c).sigmoid().mul(norm(c).tanh())
    return { h, c }
  },
}

/** (1 − z) n + z h' with one product fewer. */
const between = (n: Tensor, h: Tensor, z: Tensor): Tensor => n.add(z.mul(h.sub(n)))

import type { CellKind } from '../../device/cells.js'

/**
 * The equations of a cell in WGSL, for one unit of one sequence, as `kernels/reference/cells` has them. They are
 * statements with `let` on these names, where the digits are gates in PyTorch's order:
 * - `a0`, …: W_ih x + b_ih; `u0`, …: W_hh h' + b_hh; `h_before` and `c_before`: h' and c'.
 * - forward: `g0`, …, which are kept for the gradients, and `h_after`. A cell with `extra` keeps that value, too.
 * - backward, from `g0`, …, `extra`, `h_before`, `dh` and, with a state c, `dc`: `d0`, …, the gradients of a0, …;
 *   `e0`, …, those of u0, …; `dh_before` and `dc_before`, the direct ones of h' and c'.
 */
export interface CellCode {
  forward: string
  backward: string
  /** The value that is kept besides the gates. */
  extra?: string
}

/**
 * An LSTM's gates and c as statements of their own, because layer normalization stands between c and h; so does
 * `dc_total`, to which both of them contribute.
 */
const lstm = {
  gates: `
    let g0 = sigmoid_of(a0 + u0);
    let g1 = sigmoid_of(a1 + u1);
    let g2 = tanh_of(a2 + u2);
    let g3 = sigmoid_of(a3 + u3);
    let c_after = g1 * c_before + g0 * g2;`,
  again: `
    let c_before = extra;
    let y = tanh_of(g1 * c_before + g0 * g2);`,
  total: 'let dc_total = dc + dh * g3 * (1.0 - y * y);',
  gradients: `
    let d0 = dc_total * g2 * g0 * (1.0 - g0);
    let d1 = dc_total * c_before * g1 * (1.0 - g1);
    let d2 = dc_total * g0 * (1.0 - g2 * g2);
    let d3 = dh * y * g3 * (1.0 - g3);
    let dc_before = dc_total * g1;
    let dh_before = 0.0;
    let e0 = d0; let e1 = d1; let e2 = d2; let e3 = d3;`,
}

const rnn = (f: string, derivative: string): CellCode => ({
  forward: `
    let g0 = ${f};
    let h_after = g0;`,
  backward: `
    let d0 = ${derivative};
    let e0 = d0;
    let dh_before = 0.0;`,
})

export const cellCode: Readonly<Record<CellKind, CellCode>> = {
  rnn_tanh: rnn('tanh_of(a0 + u0)', 'dh * (1.0 - g0 * g0)'),
  rnn_relu: rnn('unless_nan(max(a0 + u0, 0.0), a0 + u0)', 'select(0.0, dh, g0 > 0.0)'),
  gru: {
    forward: `
    let g0 = sigmoid_of(a0 + u0);
    let g1 = sigmoid_of(a1 + u1);
    let g2 = tanh_of(a2 + g0 * u2);
    let h_after = (1.0 - g1) * g2 + g1 * h_before;`,
    // As PyTorch has it: where dh is infinite, so is not 1 - z times it, but NaN.
    backward: `
    let d2 = (dh - dh * g1) * (1.0 - g2 * g2);
    let d0 = d2 * extra * g0 * (1.0 - g0);
    let d1 = dh * (h_before - g2) * g1 * (1.0 - g1);
    let e0 = d0; let e1 = d1; let e2 = d2 * g0;
    let dh_before = dh * g1;`,
    extra: 'u2',
  },
  lstm: {
    forward: `${lstm.gates}
    let h_after = g3 * tanh_of(c_after);`,
    backward: `${lstm.again}
    ${lstm.total}${lstm.gradients}`,
    extra: 'c_before',
  },
}

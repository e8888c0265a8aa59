import type { CellKind } from '../../device/cells.js'

/**
 * The equations of a cell in WGSL, for one unit of one sequence, as `kernels/reference/cells` has them. They are
 * statements with `let` on these names, where the digits are gates in PyTorch's order:
 * - `a0`, …: W_ih x + b_ih; `u0`, …: W_hh h' + b_hh; `h_before` and `c_before`: h' and c'.
 * - forward: `g0`, …, which are kept for the gradients, and `h_after` or, with `output`, `c_after`.
 * - backward, from `g0`, …, `h_before`, `dh` and what the cell has besides: `d0`, …, the gradients of a0, …; `e0`, …,
 *   those of u0, …; `dh_before` and, for a cell with a state c, `dc_before`, the direct ones of h' and c'.
 */
export interface CellCode {
  forward: string
  backward: string
  /** The gates that peepholes lead to: their weights are `p0`, …, and the backward pass gives their gradients as `dp0`, …. */
  peepholes?: readonly number[]
  /** A value that is kept besides the gates; the backward pass gets it as `extra`. */
  extra?: string
  /**
   * How h is made of c: `h_after` from the gates and `c_output`, which is c as it is or normalized. Backward: `y`, and
   * the gradient of `c_output`, `dc_output`. The gates' gradients then need `y` and `dc_total`, all of c's gradient.
   */
  output?: {
    forward: string
    backward: string
    /** c after the step, again. */
    c: string
  }
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

const lstmOutput = {
  forward: 'let h_after = g3 * tanh_of(c_output);',
  backward: `let y = tanh_of(c_output);
    let dc_output = dh * g3 * (1.0 - y * y);`,
  c: 'g1 * extra + g0 * g2',
}

const cellCode: Readonly<Record<CellKind, CellCode>> = {
  rnn_tanh: rnn('tanh_of(a0 + u0)', 'dh * (1.0 - g0 * g0)'),
  rnn_relu: rnn('select(a0 + u0, 0.0, a0 + u0 < 0.0)', 'select(0.0, dh, g0 > 0.0)'),
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
    forward: `
    let g0 = sigmoid_of(a0 + u0);
    let g1 = sigmoid_of(a1 + u1);
    let g2 = tanh_of(a2 + u2);
    let g3 = sigmoid_of(a3 + u3);
    let c_after = g1 * c_before + g0 * g2;`,
    output: lstmOutput,
    backward: `
    let d0 = dc_total * g2 * g0 * (1.0 - g0);
    let d1 = dc_total * extra * g1 * (1.0 - g1);
    let d2 = dc_total * g0 * (1.0 - g2 * g2);
    let d3 = dh * y * g3 * (1.0 - g3);
    let e0 = d0; let e1 = d1; let e2 = d2; let e3 = d3;
    let dh_before = 0.0;
    let dc_before = dc_total * g1;`,
    extra: 'c_before',
  },
}

const peepholeLstm: CellCode = {
  forward: `
    let g0 = sigmoid_of(a0 + u0 + p0 * c_before);
    let g1 = sigmoid_of(a1 + u1 + p1 * c_before);
    let g2 = tanh_of(a2 + u2);
    let c_after = g1 * c_before + g0 * g2;
    let g3 = sigmoid_of(a3 + u3 + p3 * c_after);`,
  output: lstmOutput,
  backward: `
    let d3 = dh * y * g3 * (1.0 - g3);
    let dc = dc_total + p3 * d3;
    let d0 = dc * g2 * g0 * (1.0 - g0);
    let d1 = dc * extra * g1 * (1.0 - g1);
    let d2 = dc * g0 * (1.0 - g2 * g2);
    let e0 = d0; let e1 = d1; let e2 = d2; let e3 = d3;
    let dp0 = d0 * extra; let dp1 = d1 * extra; let dp3 = d3 * c_output;
    let dh_before = 0.0;
    let dc_before = dc * g1 + p0 * d0 + p1 * d1;`,
  peepholes: [0, 1, 3],
  extra: 'c_before',
}

/** The equations of a layer's cell. */
export const codeOf = ({ cell, peepholes }: { cell: CellKind; peepholes: boolean }): CellCode =>
  peepholes ? peepholeLstm : cellCode[cell]

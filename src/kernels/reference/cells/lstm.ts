import { sigmoid } from '../elementwise.js'
import type { Equations } from './equations.js'

/** What a peephole adds; without one, nothing, also where x is infinite. */
const seen = (p: number | undefined, x: number): number => (p === undefined ? 0 : p * x)

const output = {
  h: ([, , , o]: readonly number[], c: number) => o * Math.tanh(c),
  dc: ([, , , o]: readonly number[], c: number, dh: number) => dh * o * (1 - Math.tanh(c) ** 2),
}

/**
 *     i = σ(a_i + u_i)   f = σ(a_f + u_f)   g = tanh(a_g + u_g)   o = σ(a_o + u_o)
 *     c = f c' + i g
 *     h = o tanh(c)
 *
 * With peepholes p, p_i c' and p_f c' are added to the sums of i and f, and p_o c to that of o.
 */
export const lstm: Equations = {
  forward(a, u, before, [pi, pf, po] = []) {
    const i = sigmoid(a[0] + u[0] + seen(pi, before.c))
    const f = sigmoid(a[1] + u[1] + seen(pf, before.c))
    const g = Math.tanh(a[2] + u[2])
    const c = f * before.c + i * g
    const o = sigmoid(a[3] + u[3] + seen(po, c))
    return { gates: [i, f, g, o], h: output.h([i, f, g, o], c), c }
  },
  backward({ gates: [i, f, g, o], h, c }, before, dh, dcDirect, [pi, pf, po] = []) {
    const dO = dh * h * (1 - o)
    const dc = dcDirect + seen(po, dO)
    const di = dc * g * i * (1 - i)
    const df = dc * before.c * f * (1 - f)
    const dg = dc * i * (1 - g * g)
    const sums = [di, df, dg, dO]
    const peepholes = [di * before.c, df * before.c, dO * c]
    return { input: sums, hidden: sums, h: 0, c: dc * f + seen(pi, di) + seen(pf, df), peepholes }
  },
  output,
}

import { sigmoid } from '../elementwise.js'
import type { Equations } from './equations.js'

const output = {
  h: ([, , , o]: readonly number[], c: number) => o * Math.tanh(c),
  dc: ([, , , o]: readonly number[], c: number, dh: number) => dh * o * (1 - Math.tanh(c) ** 2),
}

/**
 *     i = σ(a_i + u_i)   f = σ(a_f + u_f)   g = tanh(a_g + u_g)   o = σ(a_o + u_o)
 *     c = f c' + i g
 *     h = o tanh(c)
 */
export const lstm: Equations = {
  forward(a, u, before) {
    const i = sigmoid(a[0] + u[0])
    const f = sigmoid(a[1] + u[1])
    const g = Math.tanh(a[2] + u[2])
    const o = sigmoid(a[3] + u[3])
    const c = f * before.c + i * g
    return { gates: [i, f, g, o], h: output.h([i, f, g, o], c), c }
  },
  backward({ gates: [i, f, g, o], h }, before, dh, dc) {
    const di = dc * g * i * (1 - i)
    const df = dc * before.c * f * (1 - f)
    const dg = dc * i * (1 - g * g)
    const dO = dh * h * (1 - o)
    const sums = [di, df, dg, dO]
    return { input: sums, hidden: sums, h: 0, c: dc * f }
  },
  output,
}

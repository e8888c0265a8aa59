import { sigmoid } from '../elementwise.js'
import type { Equations } from './equations.js'

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
    return { gates: [i, f, g, o], h: o * Math.tanh(c), c }
  },
  backward({ gates: [i, f, g, o], c }, before, dh, dc) {
    const y = Math.tanh(c)
    const d = dc + dh * o * (1 - y * y)
    const di = d * g * i * (1 - i)
    const df = d * before.c * f * (1 - f)
    const dg = d * i * (1 - g * g)
    const dO = dh * y * o * (1 - o)
    const sums = [di, df, dg, dO]
    return { input: sums, hidden: sums, h: 0, c: d * f }
  },
}

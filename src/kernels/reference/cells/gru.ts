import { sigmoid } from '../elementwise.js'
import type { Equations } from './equations.js'

/**
 *     r = σ(a_r + u_r)
 *     z = σ(a_z + u_z)
 *     n = tanh(a_n + r q)      with q = u_n
 *     h = (1 − z) n + z h'
 */
export const gru: Equations = {
  forward(a, u, before) {
    const r = sigmoid(a[0] + u[0])
    const z = sigmoid(a[1] + u[1])
    const q = u[2]
    const n = Math.tanh(a[2] + r * q)
    return { gates: [r, z, n, q], h: (1 - z) * n + z * before.h, c: 0 }
  },
  backward({ gates: [r, z, n, q] }, before, dh) {
    // As PyTorch has it: where dh is infinite, so is not 1 - z times it, but NaN.
    const dn = (dh - dh * z) * (1 - n * n)
    const dr = dn * q * r * (1 - r)
    const dz = dh * (before.h - n) * z * (1 - z)
    return { input: [dr, dz, dn], hidden: [dr, dz, dn * r], h: dh * z, c: 0 }
  },
}

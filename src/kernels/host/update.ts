import type { FloatArray } from '../../device/device.js'
import type { AdamUpdate, RMSpropUpdate, SGDUpdate, Update } from '../../device/update.js'

type Buffers = Readonly<Record<string, FloatArray>>

/** One step of an optimizer on one parameter. */
export function update(rule: Update, p: FloatArray, g: FloatArray, buffers: Buffers): void {
  if (rule.rule === 'sgd') sgd(rule, p, g, buffers)
  else if (rule.rule === 'adam') adam(rule, p, g, buffers)
  else rmsprop(rule, p, g, buffers)
}

/**
 * Gradients with weight decay added, rounded as PyTorch rounds them. Without weight decay an infinite parameter has no part in
 * them, and the loops of the optimizers have no branch, which doubles their speed.
 */
function decayed(g: FloatArray, p: FloatArray, weightDecay: number): FloatArray {
  if (weightDecay === 0) return g
  const d = g.slice() as FloatArray
  for (let i = 0; i < d.length; i++) d[i] += weightDecay * p[i]
  return d
}

function sgd(rule: SGDUpdate, p: FloatArray, g: FloatArray, { momentum_buffer: v }: Buffers): void {
  const { step, lr, momentum, dampening, nesterov, weightDecay } = rule
  const d = decayed(g, p, weightDecay)
  if (momentum === 0) {
    for (let i = 0; i < p.length; i++) p[i] -= lr * d[i]
    return
  }
  const taken = step === 1 ? 1 : 1 - dampening
  for (let i = 0; i < p.length; i++) {
    v[i] = momentum * v[i] + taken * d[i]
    p[i] -= lr * (nesterov ? d[i] + momentum * v[i] : v[i])
  }
}

function adam(rule: AdamUpdate, p: FloatArray, g: FloatArray, { exp_avg: m, exp_avg_sq: v }: Buffers): void {
  const { step, lr, betas, eps, l2, kept } = rule
  const [beta1, beta2] = betas
  const [taken1, taken2] = [1 - beta1, 1 - beta2]
  const rate = lr / (1 - beta1 ** step)
  const correction = 1 / Math.sqrt(1 - beta2 ** step)
  const d = decayed(g, p, l2)
  // Rounded as it is stored: the square of a gradient of 1e21 is infinite, and its step 0, as in PyTorch.
  const round = v instanceof Float32Array ? Math.fround : Number
  for (let i = 0; i < p.length; i++) {
    // Each value is read once and written once: faster than reading back what was written.
    const mean = beta1 * m[i] + taken1 * d[i]
    const square = round(beta2 * v[i] + taken2 * d[i] * d[i])
    m[i] = mean
    v[i] = square
    p[i] = kept * p[i] - (rate * mean) / (Math.sqrt(square) * correction + eps)
  }
}

function rmsprop(rule: RMSpropUpdate, p: FloatArray, g: FloatArray, buffers: Buffers): void {
  const { lr, alpha, eps, momentum, centered, weightDecay } = rule
  const { square_avg: s, grad_avg: a, momentum_buffer: b } = buffers
  const d = decayed(g, p, weightDecay)
  for (let i = 0; i < p.length; i++) {
    s[i] = alpha * s[i] + (1 - alpha) * d[i] * d[i]
    let variance = s[i]
    if (centered) {
      a[i] = alpha * a[i] + (1 - alpha) * d[i]
      variance = Math.max(variance - a[i] * a[i], 0)
    }
    let u = d[i] / (Math.sqrt(variance) + eps)
    if (momentum > 0) {
      u += momentum * b[i]
      b[i] = u
    }
    p[i] -= lr * u
  }
}

import type { FloatArray } from '../../device/device.js'
import type { AdamUpdate, RMSpropUpdate, SGDUpdate, Update } from '../../device/update.js'

type Buffers = Readonly<Record<string, FloatArray>>

/** One step of an optimizer on one parameter. */
export function update(rule: Update, p: FloatArray, g: FloatArray, buffers: Buffers): void {
  if (rule.rule === 'sgd') sgd(rule, p, g, buffers)
  else if (rule.rule === 'adam') adam(rule, p, g, buffers)
  else rmsprop(rule, p, g, buffers)
}

/** A gradient with weight decay added. Without weight decay an infinite parameter has no part in it. */
const decayed = (grad: number, parameter: number, weightDecay: number): number =>
  weightDecay === 0 ? grad : grad + weightDecay * parameter

function sgd(rule: SGDUpdate, p: FloatArray, g: FloatArray, { momentum_buffer: v }: Buffers): void {
  const { step, lr, momentum, dampening, nesterov, weightDecay } = rule
  if (momentum === 0) {
    for (let i = 0; i < p.length; i++) p[i] -= lr * decayed(g[i], p[i], weightDecay)
    return
  }
  const taken = step === 1 ? 1 : 1 - dampening
  for (let i = 0; i < p.length; i++) {
    const d = decayed(g[i], p[i], weightDecay)
    v[i] = momentum * v[i] + taken * d
    p[i] -= lr * (nesterov ? d + momentum * v[i] : v[i])
  }
}

function adam(rule: AdamUpdate, p: FloatArray, g: FloatArray, { exp_avg: m, exp_avg_sq: v }: Buffers): void {
  const { step, lr, betas, eps, l2, kept } = rule
  const [beta1, beta2] = betas
  const rate = lr / (1 - beta1 ** step)
  const correction = 1 / Math.sqrt(1 - beta2 ** step)
  // Rounded as it is stored: the square of a gradient of 1e21 is infinite, and its step 0, as in PyTorch.
  const round = v instanceof Float32Array ? Math.fround : Number
  for (let i = 0; i < p.length; i++) {
    // Each value is read once and written once: faster than reading back what was written.
    const before = p[i]
    const d = decayed(g[i], before, l2)
    const mean = beta1 * m[i] + (1 - beta1) * d
    const square = round(beta2 * v[i] + (1 - beta2) * d * d)
    m[i] = mean
    v[i] = square
    p[i] = kept * before - (rate * mean) / (Math.sqrt(square) * correction + eps)
  }
}

function rmsprop(rule: RMSpropUpdate, p: FloatArray, g: FloatArray, buffers: Buffers): void {
  const { lr, alpha, eps, momentum, centered, weightDecay } = rule
  const { square_avg: s, grad_avg: a, momentum_buffer: b } = buffers
  for (let i = 0; i < p.length; i++) {
    const d = decayed(g[i], p[i], weightDecay)
    s[i] = alpha * s[i] + (1 - alpha) * d * d
    let variance = s[i]
    if (centered) {
      a[i] = alpha * a[i] + (1 - alpha) * d
      variance = Math.max(variance - a[i] * a[i], 0)
    }
    let u = d / (Math.sqrt(variance) + eps)
    if (momentum > 0) {
      u += momentum * b[i]
      b[i] = u
    }
    p[i] -= lr * u
  }
}

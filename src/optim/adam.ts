import { checkNumber } from '../core/check.js'
import type { Tensor } from '../tensor/tensor.js'
import { Optimizer } from './optimizer.js'

export interface AdamOptions {
  /** Default 0.001. */
  lr?: number
  /** Decay of the averages of gradient and squared gradient. Default [0.9, 0.999]. */
  betas?: readonly [number, number]
  /** Default 1e-8. */
  eps?: number
}

/**
 * Adam (Kingma & Ba 2015, algorithm 1) as PyTorch computes it:
 * m = β₁ m + (1 − β₁) g;  v = β₂ v + (1 − β₂) g²;  p −= lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε)
 */
export class Adam extends Optimizer {
  readonly betas: readonly [number, number]
  readonly eps: number
  #steps = 0
  readonly #moments = new Map<Tensor, { m: Float64Array; v: Float64Array }>()

  constructor(parameters: Iterable<Tensor>, { lr = 0.001, betas = [0.9, 0.999], eps = 1e-8 }: AdamOptions = {}) {
    super('Adam', parameters, lr)
    for (const beta of betas) checkNumber('Adam', 'beta', beta, 0, 1)
    checkNumber('Adam', 'eps', eps, 0)
    this.betas = betas
    this.eps = eps
  }

  step(): void {
    this.#steps++
    const [beta1, beta2] = this.betas
    const rate = this.lr / (1 - beta1 ** this.#steps)
    const correction = 1 - beta2 ** this.#steps
    for (const parameter of this.parameters) {
      if (!parameter.grad) continue
      const { data: g } = parameter.grad
      const { m, v } = this.#momentsOf(parameter)
      for (let i = 0; i < g.length; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i]
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i]
        parameter.data[i] -= (rate * m[i]) / (Math.sqrt(v[i] / correction) + this.eps)
      }
    }
  }

  #momentsOf(parameter: Tensor): { m: Float64Array; v: Float64Array } {
    const found = this.#moments.get(parameter)
    if (found) return found
    const moments = { m: new Float64Array(parameter.size), v: new Float64Array(parameter.size) }
    this.#moments.set(parameter, moments)
    return moments
  }
}

import { checkArgument, checkNumber } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import type { AdamUpdate } from '../device/update.js'
import { Optimizer, type OptimizerParameters, type ParameterGroup } from './optimizer.js'

/** Options of Adam and AdamW. */
export interface AdamOptions {
  /** Default 0.001. */
  lr?: number
  /** The decay rates of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas?: readonly [number, number]
  /** Default 1e-8. */
  eps?: number
  /**
   * In Adam, the factor of the parameter that is added to its gradient (L2), default 0; in AdamW, the decay, default
   * 0.01.
   */
  weightDecay?: number
}

/** What Adam and AdamW share. */
abstract class Moments extends Optimizer<AdamOptions> {
  protected constructor(
    name: string,
    parameters: OptimizerParameters<AdamOptions>,
    options: AdamOptions,
    weightDecay: number,
  ) {
    super(name, parameters, options, { lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, weightDecay })
  }

  protected check(name: string, { betas, eps, weightDecay }: Required<AdamOptions>): void {
    checkArgument(name, 'betas', betas, Array.isArray(betas), 'an array of two numbers')
    for (const i of [0, 1]) {
      checkNumber(name, `betas[${i}]`, betas[i], 0, 1)
      if (betas[i] === 1) throw new OptionError(`${name}: betas[${i}] is 1, expected a number below 1`)
    }
    checkNumber(name, 'eps', eps, 0)
    checkNumber(name, 'weightDecay', weightDecay, 0)
  }

  protected bufferNames(): string[] {
    return ['exp_avg', 'exp_avg_sq']
  }
}

/**
 * Adam (Kingma & Ba 2015, algorithm 1) as PyTorch computes it, with d = g + weightDecay · p:
 * m = β₁ m + (1 − β₁) d;  v = β₂ v + (1 − β₂) d²;  p −= lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε)
 */
export class Adam extends Moments {
  constructor(parameters: OptimizerParameters<AdamOptions>, options: AdamOptions = {}) {
    super('Adam', parameters, options, 0)
  }

  protected rule(step: number, { lr, betas, eps, weightDecay }: ParameterGroup<AdamOptions>): AdamUpdate {
    return { rule: 'adam', step, lr, betas, eps, l2: weightDecay, kept: 1 }
  }
}

/**
 * Adam with weight decay separate from the gradient (Loshchilov & Hutter 2019) as PyTorch computes it:
 * p *= 1 − lr · weightDecay, and then Adam's step with d = g.
 */
export class AdamW extends Moments {
  constructor(parameters: OptimizerParameters<AdamOptions>, options: AdamOptions = {}) {
    super('AdamW', parameters, options, 0.01)
  }

  protected rule(step: number, { lr, betas, eps, weightDecay }: ParameterGroup<AdamOptions>): AdamUpdate {
    return { rule: 'adam', step, lr, betas, eps, l2: 0, kept: 1 - lr * weightDecay }
  }
}

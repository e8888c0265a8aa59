import { checkNumber } from '../core/check.js'
import type { RMSpropUpdate } from '../device/update.js'
import { Optimizer, type OptimizerParameters, type ParameterGroup } from './optimizer.js'

/** Options of RMSprop. */
export interface RMSpropOptions {
  /** Default 0.01. */
  lr?: number
  /** The decay rate of the averages. Default 0.99. */
  alpha?: number
  /** Default 1e-8. */
  eps?: number
  /** Default 0. */
  momentum?: number
  /** Divides by the estimated standard deviation of the gradient rather than by its root mean square. Default false. */
  centered?: boolean
  /** The factor of the parameter that is added to its gradient (L2). Default 0. */
  weightDecay?: number
}

/**
 * RMSprop (Hinton's lecture 6; centered: Graves 2013) as PyTorch computes it, with d = g + weightDecay · p:
 * s = α s + (1 − α) d²;  centered: a = α a + (1 − α) d, else a = 0;  u = d / (√(s − a²) + ε);
 * p −= lr · u, or with momentum b = momentum · b + u;  p −= lr · b. If rounding makes s − a² negative, it counts
 * as 0; PyTorch gives NaN.
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(parameters: OptimizerParameters<RMSpropOptions>, options: RMSpropOptions = {}) {
    const defaults = { lr: 0.01, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false, weightDecay: 0 }
    super('RMSprop', parameters, options, defaults)
  }

  protected check(name: string, { alpha, eps, momentum, weightDecay }: Required<RMSpropOptions>): void {
    checkNumber(name, 'alpha', alpha, 0, 1)
    checkNumber(name, 'eps', eps, 0)
    checkNumber(name, 'momentum', momentum, 0)
    checkNumber(name, 'weightDecay', weightDecay, 0)
  }

  protected bufferNames({ centered, momentum }: ParameterGroup<RMSpropOptions>): string[] {
    return ['square_avg', ...(centered ? ['grad_avg'] : []), ...(momentum > 0 ? ['momentum_buffer'] : [])]
  }

  protected rule(_step: number, group: ParameterGroup<RMSpropOptions>): RMSpropUpdate {
    const { lr, alpha, eps, momentum, centered, weightDecay } = group
    return { rule: 'rmsprop', lr, alpha, eps, momentum, centered, weightDecay }
  }
}

import { checkNumber } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import type { SGDUpdate } from '../device/update.js'
import { Optimizer, type OptimizerParameters, type ParameterGroup } from './optimizer.js'

/** Options of SGD. */
export interface SGDOptions {
  lr: number
  /** The share of the previous step's direction that is kept. Default 0. */
  momentum?: number
  /** The share of the gradient that is left out of the momentum, except at the first step. Default 0. */
  dampening?: number
  /** Whether to use Nesterov's momentum (Sutskever et al. 2013). Default false. */
  nesterov?: boolean
  /** The factor of the parameter that is added to its gradient (L2). Default 0. */
  weightDecay?: number
}

/**
 * Stochastic gradient descent as PyTorch computes it, with d = g + weightDecay · p:
 * v = momentum · v + (1 − dampening) · d (v = d at first);  p −= lr · v, or with Nesterov lr · (d + momentum · v)
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(parameters: OptimizerParameters<SGDOptions>, options: SGDOptions) {
    super('SGD', parameters, options, { momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 })
  }

  protected check(name: string, { momentum, dampening, nesterov, weightDecay }: Required<SGDOptions>): void {
    checkNumber(name, 'momentum', momentum, 0)
    checkNumber(name, 'dampening', dampening, 0, 1)
    checkNumber(name, 'weightDecay', weightDecay, 0)
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new OptionError(
        `${name}: nesterov has momentum ${momentum} and dampening ${dampening}, expected momentum above 0 and dampening 0`,
      )
    }
  }

  protected bufferNames({ momentum }: ParameterGroup<SGDOptions>): string[] {
    return momentum === 0 ? [] : ['momentum_buffer']
  }

  protected rule(step: number, group: ParameterGroup<SGDOptions>): SGDUpdate {
    const { lr, momentum, dampening, nesterov, weightDecay } = group
    return { rule: 'sgd', step, lr, momentum, dampening, nesterov, weightDecay }
  }
}

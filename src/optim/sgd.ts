import { checkNumber } from '../core/check.js'
import { kernels } from '../kernels/index.js'
import type { FloatArray } from '../kernels/kernels.js'
import type { Tensor } from '../tensor/tensor.js'
import { Optimizer } from './optimizer.js'

/**
 * Stochastic gradient descent, with PyTorch's momentum: v = momentum · v + g (v = g at first); p −= lr · v.
 */
export class SGD extends Optimizer {
  readonly momentum: number
  readonly #velocity = new Map<Tensor, FloatArray>()

  constructor(parameters: Iterable<Tensor>, { lr, momentum = 0 }: { lr: number; momentum?: number }) {
    super('SGD', parameters, lr)
    checkNumber('SGD', 'momentum', momentum, 0)
    this.momentum = momentum
  }

  step(): void {
    for (const parameter of this.parameters) {
      if (!parameter.grad) continue
      kernels().addScaled(
        -this.lr,
        this.#direction(parameter, parameter.grad.data as FloatArray),
        parameter.data as FloatArray,
      )
    }
  }

  #direction(parameter: Tensor, grad: FloatArray): FloatArray {
    if (this.momentum === 0) return grad
    const velocity = this.#velocity.get(parameter)
    if (!velocity) {
      const first = grad.slice() as FloatArray
      this.#velocity.set(parameter, first)
      return first
    }
    for (let i = 0; i < grad.length; i++) velocity[i] = this.momentum * velocity[i] + grad[i]
    return velocity
  }
}

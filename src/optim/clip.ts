import { checkNumber } from '../core/check.js'
import { kernels } from '../kernels/index.js'
import type { FloatArray } from '../kernels/kernels.js'
import { checkTensor, type Tensor } from '../tensor/tensor.js'
import { listOf } from './parameters.js'

/**
 * Gradient clipping: scales all gradients together so that their common norm is at most `theta` (the book's
 * g ← min(1, θ/‖g‖) g; Pascanu et al. 2013).
 * @param theta Infinity leaves them as they are
 * @returns the norm before clipping
 */
export function clipGradNorm(parameters: Iterable<Tensor>, theta: number): number {
  if (theta !== Infinity) checkNumber('clipGradNorm', 'theta', theta, 0)
  const grads = gradsOf('clipGradNorm', parameters)
  const norm = Math.sqrt(grads.reduce((sum, grad) => sum + kernels().sumSquares(grad), 0))
  if (norm > theta) for (const grad of grads) kernels().affine(grad, theta / norm, 0, grad)
  return norm
}

/**
 * Gradient clipping: puts every value of every gradient within [−value, value]; NaN stays NaN.
 * @param value Infinity leaves them as they are
 */
export function clipGradValue(parameters: Iterable<Tensor>, value: number): void {
  if (value !== Infinity) checkNumber('clipGradValue', 'value', value, 0)
  for (const grad of gradsOf('clipGradValue', parameters)) {
    for (let i = 0; i < grad.length; i++) grad[i] = Math.max(-value, Math.min(value, grad[i]))
  }
}

function gradsOf(where: string, parameters: Iterable<Tensor>): FloatArray[] {
  return listOf(where, parameters).flatMap((parameter, i) => {
    checkTensor(where, parameter, `parameter ${i}`)
    return parameter.grad ? [parameter.grad.data as FloatArray] : []
  })
}

import { checkNumber } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import type { Device, Storage } from '../device/device.js'
import { defaultDevice } from '../kernels/devices.js'
import { learningOf } from '../kernels/learning.js'
import { zerosOn } from '../tensor/create.js'
import { checkTensor, type Tensor } from '../tensor/tensor.js'
import { listOf } from './parameters.js'

/**
 * Gradient clipping: scales all gradients by one factor so that their joint norm is at most `theta` (the book's
 * g ← min(1, θ/‖g‖) g; Pascanu et al. 2013).
 * @param theta Infinity leaves the gradients as they are
 * @returns the norm before clipping, a scalar: `await norm.item()` reads it
 */
export function clipGradNorm(parameters: Iterable<Tensor>, theta: number): Tensor {
  if (theta !== Infinity) checkNumber('clipGradNorm', 'theta', theta, 0)
  const grads = gradsOf('clipGradNorm', parameters)
  const device = grads[0]?.device ?? defaultDevice()
  const norm = zerosOn(device, [])
  learningOf(device).clipNorm(
    grads.map(({ storage }) => storage),
    theta,
    norm.storage,
  )
  return norm
}

/**
 * Gradient clipping: clamps every value of every gradient to [−value, value]; NaN stays NaN.
 * @param value Infinity leaves the gradients as they are
 */
export function clipGradValue(parameters: Iterable<Tensor>, value: number): void {
  if (value !== Infinity) checkNumber('clipGradValue', 'value', value, 0)
  for (const { device, storage } of gradsOf('clipGradValue', parameters)) device.clamp(storage, -value, value, storage)
}

/** The gradients of the parameters that have one; they must be on one device. */
function gradsOf(where: string, parameters: Iterable<Tensor>): { device: Device; storage: Storage }[] {
  let device: Device | undefined
  return listOf(where, parameters).flatMap((parameter, i) => {
    checkTensor(where, parameter, `parameter ${i}`)
    const storage = parameter.gradStorage
    if (!storage) return []
    device ??= parameter.device
    if (parameter.device === device) return [{ device, storage }]
    throw new OptionError(
      `${where}: parameter ${i} is on ${parameter.device.name}, expected ${device.name} like the others`,
    )
  })
}

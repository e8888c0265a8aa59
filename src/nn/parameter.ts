import { GradientError } from '../core/errors.js'
import { noteMade } from '../tensor/listings.js'
import { checkTensor, Tensor } from '../tensor/tensor.js'

/**
 * A tensor that a module learns. It belongs to `parameters()` and `stateDict()` of every module that has it in a field,
 * also while it is frozen: `requiresGrad_(false)` only stops training from changing it.
 */
export class Parameter extends Tensor {
  /**
   * @param values the initial values, whose storage the parameter shares from now on: where kernels have a memory of
   *   their own, both move there, and an array that was taken from `values` before is not theirs any more
   * @throws ShapeError for anything but a tensor, GradientError for whole numbers, which cannot be learned
   */
  constructor(values: Tensor, requiresGrad = true) {
    checkTensor('Parameter', values, 'the argument')
    if (values.dtype !== 'float') {
      throw new GradientError('Parameter: the values are whole numbers (int32), expected floats')
    }
    super(values.keep_().storage, values.shape, requiresGrad, values.device)
    noteMade(this)
  }

  override get isParameter(): boolean {
    return true
  }
}

const registered = new WeakSet<Tensor>()

/**
 * Makes a tensor a buffer, like PyTorch's `register_buffer`: a module that has it in a field saves and moves it, but
 * does not learn it. `readonly mean = registerBuffer(zeros([3]))`
 * @throws ShapeError for anything but a tensor, GradientError for one that is learned or holds whole numbers
 */
export function registerBuffer(values: Tensor): Tensor {
  checkTensor('registerBuffer', values, 'the argument')
  if (values.dtype !== 'float' || values.isParameter) {
    const found = values.isParameter ? 'learned (requiresGrad)' : 'whole numbers (int32)'
    throw new GradientError(`registerBuffer: the values are ${found}, expected floats that are not learned`)
  }
  registered.add(values)
  return values
}

export const isBuffer = (tensor: Tensor): boolean => registered.has(tensor)

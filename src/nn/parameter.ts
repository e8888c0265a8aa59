import { GradientError } from '../core/errors.js'
import { noteMade } from '../tensor/listings.js'
import { checkTensor, Tensor } from '../tensor/tensor.js'

/**
 * A tensor that a module learns. It belongs to `parameters()` and to `stateDict()` of every module that has it in a
 * field, also while it is frozen: `requiresGrad_(false)` only keeps it from being changed.
 */
export class Parameter extends Tensor {
  /**
   * @param values of the parameter, which shares their array
   * @throws ShapeError for anything but a tensor, GradientError for whole numbers, which cannot be learned
   */
  constructor(values: Tensor, requiresGrad = true) {
    checkTensor('Parameter', values, 'the argument')
    if (values.dtype !== 'float') {
      throw new GradientError('Parameter: the values are whole numbers (int32), expected floats')
    }
    super(values.data, values.shape, requiresGrad)
    noteMade(this)
  }

  override get isParameter(): boolean {
    return true
  }
}

import { GradientError, OptionError } from '../core/errors.js'
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

  // The type `true` lets the compiler refuse a plain tensor where a field holds a parameter.
  override get isParameter(): true {
    return true
  }
}

/**
 * Gives a layer a field for a parameter, or for the lack of one. Assigning the field is refused: a plain tensor there
 * would be neither learned nor saved, and the kernels rely on the shape.
 * @param where the name of the layer's class
 */
export function fixParameter(layer: object, where: string, name: string, parameter: Tensor | undefined): void {
  const expected = parameter
    ? `it to keep its parameter; ${name}.copy_(values) changes the values`
    : 'none: the layer was made without this parameter'
  Object.defineProperty(layer, name, {
    enumerable: true,
    get: () => parameter,
    set: () => {
      throw new OptionError(`${where}.${name}: the field was assigned, expected ${expected}`)
    },
  })
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

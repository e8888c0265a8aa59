import { OptionError, ShapeError } from '../../core/errors.js'
import { formatShape, sameShape } from '../../core/shape.js'
import { kernels } from '../../kernels/index.js'
import { floats, type Indices, type Result, type Value } from '../value.js'

/** Mean of −log softmax(logits)[target] over the rows; forward and gradient in one pass of the kernels. */
export function crossEntropy(logits: Value, targets: Indices): Result {
  const [rows, columns] = logits.shape
  if (logits.shape.length !== 2 || logits.data.length === 0 || !sameShape(targets.shape, [rows])) {
    throw new ShapeError(
      `crossEntropy: logits ${formatShape(logits.shape)} and targets ${formatShape(targets.shape)} do not go together, expected [n, classes] and [n]`,
    )
  }
  const wrong = targets.data.find((target) => target < 0 || target >= columns)
  if (wrong !== undefined) {
    throw new OptionError(`crossEntropy: target ${wrong} is out of range, expected 0 to classes − 1 = ${columns - 1}`)
  }
  const grad = floats(logits.data.length)
  const loss = kernels().crossEntropy(logits.data, targets.data, grad, rows, columns)
  return {
    data: floats(1).fill(loss),
    shape: [],
    backward: ([dy]) => {
      if (dy !== 1) kernels().affine(grad, dy, 0, grad)
      return [grad]
    },
  }
}

/** Mean of (prediction − target)². */
export function mseLoss(prediction: Value, target: Value): Result {
  if (!sameShape(prediction.shape, target.shape) || prediction.data.length === 0) {
    throw new ShapeError(
      `mseLoss: prediction ${formatShape(prediction.shape)} and target ${formatShape(target.shape)} differ in shape or are empty`,
    )
  }
  const difference = floats(prediction.data.length)
  kernels().binary('sub', prediction.data, target.data, difference)
  const count = difference.length
  return {
    data: floats(1).fill(kernels().sumSquares(difference) / count),
    shape: [],
    backward: ([dy], [, wantsTarget]) => {
      const grad = floats(count)
      kernels().affine(difference, (2 * dy) / count, 0, grad)
      if (!wantsTarget) return [grad, undefined]
      const minus = floats(count)
      kernels().affine(grad, -1, 0, minus)
      return [grad, minus]
    },
  }
}

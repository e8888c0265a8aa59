import { OptionError, ShapeError } from '../../core/errors.js'
import { formatShape, sameShape } from '../../core/shape.js'
import { learningOf } from '../../kernels/learning.js'
import { type Indices, isOne, type Result, type Value } from '../value.js'

/**
 * The mean of −log softmax(logits)[target] over the rows; one pass of the device gives it and its gradient.
 * @param wanted whether there will be a backward pass
 */
export function crossEntropy({ storage: logits, shape, device }: Value, targets: Indices, wanted: boolean): Result {
  const [rows, columns] = shape
  if (shape.length !== 2 || logits.length === 0 || !sameShape(targets.shape, [rows])) {
    throw new ShapeError(
      `crossEntropy: logits ${formatShape(shape)} and targets ${formatShape(targets.shape)} do not match, expected [n, classes] and [n]`,
    )
  }
  const wrong = targets.data.find((target) => target < 0 || target >= columns)
  if (wrong !== undefined) {
    throw new OptionError(`crossEntropy: target ${wrong} is out of range, expected 0 to classes − 1 = ${columns - 1}`)
  }
  const [loss, grad] = [device.zeros(1), wanted ? device.temporary(logits.length) : undefined]
  learningOf(device).crossEntropy(logits, targets.data, loss, grad, rows, columns)
  return {
    storage: loss,
    shape: [],
    device,
    backward: (dy) => {
      if (grad && !isOne(dy)) device.scale(grad, dy, grad)
      return [grad]
    },
  }
}

/** The mean of (prediction − target)². */
export function mseLoss(prediction: Value, target: Value): Result {
  const { storage, shape, device } = prediction
  const count = storage.length
  if (!sameShape(shape, target.shape) || count === 0) {
    throw new ShapeError(
      `mseLoss: prediction ${formatShape(shape)} and target ${formatShape(target.shape)} differ in shape or are empty`,
    )
  }
  const [difference, loss] = [device.zeros(count), device.zeros(1)]
  device.binary('sub', storage, target.storage, difference)
  device.sumSquares(difference, 1 / count, loss)
  return {
    storage: loss,
    shape: [],
    device,
    backward: (dy, [, wantsTarget]) => {
      const grad = device.zeros(count)
      device.affine(difference, 2 / count, 0, grad)
      if (!isOne(dy)) device.scale(grad, dy, grad)
      if (!wantsTarget) return [grad, undefined]
      const minus = device.zeros(count)
      device.affine(grad, -1, 0, minus)
      return [grad, minus]
    },
  }
}

import { OptionError, ShapeError } from '../../core/errors.js'
import { formatShape, type Shape, sameShape, sizeOf } from '../../core/shape.js'
import { learningOf } from '../../kernels/learning.js'
import { type Indices, isOne, type Result, type Value } from '../value.js'

/** @throws ShapeError unless each row of the logits has a target, OptionError for one that is neither a class nor ignored */
export function checkTargets({ storage: logits, shape }: Value, targets: Indices, ignoreIndex: number): void {
  const [rows, columns] = shape
  if (shape.length !== 2 || logits.length === 0 || !sameShape(targets.shape, [rows])) {
    throw new ShapeError(
      `crossEntropy: logits ${formatShape(shape)} and targets ${formatShape(targets.shape)} do not match, expected [n, classes] and [n]`,
    )
  }
  const wrong = targets.data.find((target) => (target < 0 || target >= columns) && target !== ignoreIndex)
  if (wrong !== undefined) {
    throw new OptionError(`crossEntropy: target ${wrong} is out of range, expected 0 to classes − 1 = ${columns - 1}`)
  }
}

/**
 * The mean of −log softmax(logits)[target] over the rows; one pass of the device gives it and its gradient.
 * @param wanted whether there will be a backward pass
 */
export function crossEntropy({ storage: logits, shape, device }: Value, targets: Int32Array, wanted: boolean): Result {
  const [rows, columns] = shape
  const [loss, grad] = [device.zeros(1), wanted ? device.temporary(logits.length) : undefined]
  learningOf(device).crossEntropy(logits, targets, loss, grad, rows, columns)
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

/** Values that a loss has whatever the logits are: their gradient is zero. */
export const constant = ({ storage, device }: Value, value: number, shape: Shape): Result => ({
  storage: device.from(new Float32Array(sizeOf(shape)).fill(value)),
  shape,
  device,
  backward: () => [device.zeros(storage.length)],
})

/** @throws ShapeError unless both have the same shape and hold a value */
export function checkSame(prediction: Value, target: Value): void {
  if (sameShape(prediction.shape, target.shape) && prediction.storage.length > 0) return
  throw new ShapeError(
    `mseLoss: prediction ${formatShape(prediction.shape)} and target ${formatShape(target.shape)} differ in shape or are empty`,
  )
}

/** The sum of (prediction − target)², times a factor. */
export function mseLoss({ storage, device }: Value, target: Value, factor: number): Result {
  const count = storage.length
  const [difference, loss] = [device.zeros(count), device.zeros(1)]
  device.binary('sub', storage, target.storage, difference)
  device.sumSquares(difference, factor, loss)
  return {
    storage: loss,
    shape: [],
    device,
    backward: (dy, [, wantsTarget]) => {
      const grad = device.zeros(count)
      device.affine(difference, 2 * factor, 0, grad)
      if (!isOne(dy)) device.scale(grad, dy, grad)
      if (!wantsTarget) return [grad, undefined]
      const minus = device.zeros(count)
      device.affine(grad, -1, 0, minus)
      return [grad, minus]
    },
  }
}

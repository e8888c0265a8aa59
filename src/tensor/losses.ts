import { checkNumber, checkWhole, checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError, ShapeError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import { isRecorded } from './autograd.js'
import { fromData } from './create.js'
import * as loss from './ops/loss.js'
import { floatsIn, indicesIn } from './placed.js'
import { spreadRows, takeRows } from './rows.js'
import { recordOne, type Tensor } from './tensor.js'

/** What becomes of the losses of all rows or values: their mean, their sum, or nothing. */
export type Reduction = 'mean' | 'sum' | 'none'

const reductions: readonly Reduction[] = ['mean', 'sum', 'none']

/** Options of crossEntropy, with PyTorch's meaning. */
export interface CrossEntropyOptions {
  /** Rows with this target count for nothing: neither for the loss nor for the mean, and their gradient is zero. Default −100. */
  ignoreIndex?: number
  /** A factor for each class, [classes]; the mean divides by the sum of those of the targets. It has no gradient. */
  weight?: Tensor
  /** `none` gives a loss for each row, [n], which is zero where the row is ignored. Default 'mean'. */
  reduction?: Reduction
  /**
   * The share of each target that is spread evenly over all classes (Szegedy et al. 2016), from 0 to 1. Default 0.
   */
  labelSmoothing?: number
}

const crossEntropyOptions: OptionKinds<CrossEntropyOptions> = {
  ignoreIndex: 'any',
  weight: 'any',
  reduction: 'any',
  labelSmoothing: 'any',
}

/**
 * Cross entropy: the mean of −log softmax(logits)[target] over the rows, as `torch.nn.functional.cross_entropy` has it. The
 * time that it takes is proportional to the rows that are not ignored; if all are, the mean is NaN.
 * @param logits [n, classes] @param targets int32 [n]
 * @returns a scalar, or [n] with the reduction 'none', in nats
 * @throws ShapeError for other shapes, OptionError for targets out of range and options that it cannot take
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkOptions('crossEntropy', options, crossEntropyOptions)
  const { ignoreIndex = -100, weight, reduction = 'mean', labelSmoothing = 0 } = options
  checkWhole('crossEntropy', 'ignoreIndex', ignoreIndex, -(2 ** 31), 2 ** 31 - 1)
  checkWord('crossEntropy', 'reduction', reduction, reductions)
  checkNumber('crossEntropy', 'labelSmoothing', labelSmoothing, 0, 1)
  const scores = floatsIn('crossEntropy', logits, 'logits')
  const labels = indicesIn('crossEntropy', targets, 'targets')
  loss.checkTargets(scores, labels, ignoreIndex)
  if (weight !== undefined) checkWeight(weight, logits)

  const [rows] = logits.shape
  const kept = rowsWithout(ignoreIndex, labels.data)
  if (kept.length === 0) {
    const value = reduction === 'mean' ? Number.NaN : 0
    return recordOne([logits], loss.constant(scores, value, reduction === 'none' ? [rows] : []))
  }
  const all = kept.length === rows
  const counted = all ? logits : takeRows(logits, kept)
  const classes = all ? labels.data : kept.map((row) => labels.data[row])
  if (reduction !== 'none' && weight === undefined && labelSmoothing === 0) {
    const values = floatsIn('crossEntropy', counted, 'logits')
    const mean = recordOne([counted], loss.crossEntropy(values, classes, isRecorded([counted])))
    return reduction === 'mean' ? mean : mean.mul(kept.length)
  }
  const { losses, weights } = rowLosses(counted, fromData(classes, [kept.length]), weight, labelSmoothing)
  if (reduction === 'sum') return losses.sum()
  if (reduction === 'mean') return losses.sum().div(weights?.sum() ?? kept.length)
  if (all) return losses
  return spreadRows(losses.reshape(-1, 1), kept, rows).reshape(rows)
}

/** The loss of each row, and the weight of its target if there are weights. */
function rowLosses(logits: Tensor, targets: Tensor, weight: Tensor | undefined, labelSmoothing: number) {
  const logs = logits.logSoftmax()
  const weights = weight?.reshape(-1, 1).gatherRows(targets).reshape(-1)
  const ofTargets = logs.pick(targets)
  const likelihoods = weights ? ofTargets.mul(weights) : ofTargets
  if (labelSmoothing === 0) return { losses: likelihoods.neg(), weights }
  const even = weight ? logs.mul(weight).sum(1) : logs.sum(1)
  const share = labelSmoothing / logits.shape[1]
  return { losses: likelihoods.mul(labelSmoothing - 1).sub(even.mul(share)), weights }
}

/** @throws ShapeError unless there is a weight for each class; OptionError for one that wants a gradient */
function checkWeight(weight: Tensor, logits: Tensor): void {
  const { shape } = floatsIn('crossEntropy', weight, 'weight', floatsIn('crossEntropy', logits, 'logits'))
  const expected = [logits.shape[1]]
  if (!sameShape(shape, expected)) {
    throw new ShapeError(
      `crossEntropy: weight has the shape ${formatShape(shape)}, expected [classes] = ${formatShape(expected)}`,
    )
  }
  if (weight.requiresGrad) {
    throw new OptionError(
      'crossEntropy: weight requires a gradient, expected one that does not, because none is computed; weight.detach() has none',
      ['weight'],
    )
  }
}

/** Options of mseLoss. */
export interface MSELossOptions {
  /** `none` gives a loss for each value. Default 'mean'. */
  reduction?: Reduction
}

const mseLossOptions: OptionKinds<MSELossOptions> = { reduction: 'any' }

/**
 * The mean of (prediction − target)², as `torch.nn.functional.mse_loss` has it; both have the same shape.
 * @returns a scalar, or with the reduction 'none' a tensor of that shape
 */
export function mseLoss(prediction: Tensor, target: Tensor, options: MSELossOptions = {}): Tensor {
  checkOptions('mseLoss', options, mseLossOptions)
  const { reduction = 'mean' } = options
  checkWord('mseLoss', 'reduction', reduction, reductions)
  const values = floatsIn('mseLoss', prediction, 'prediction')
  const expected = floatsIn('mseLoss', target, 'target', values)
  loss.checkSame(values, expected)
  if (reduction === 'none') return prediction.sub(target).square()
  const factor = reduction === 'mean' ? 1 / prediction.size : 1
  return recordOne([prediction, target], loss.mseLoss(values, expected, factor))
}

/** The rows that have another label. A loop, because functions over arrays take a hundredth of a training step. */
function rowsWithout(ignored: number, labels: Int32Array): Int32Array {
  const rows = new Int32Array(labels.length)
  let count = 0
  for (let row = 0; row < labels.length; row++) {
    if (labels[row] !== ignored) rows[count++] = row
  }
  return rows.slice(0, count)
}

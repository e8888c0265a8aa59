import { checkWhole } from '../core/check.js'
import { ShapeError } from '../core/errors.js'
import { axisOf, formatShape } from '../core/shape.js'
import * as indexing from './ops/indexing.js'
import * as normalization from './ops/layer-norm.js'
import * as loss from './ops/loss.js'
import { matmul } from './ops/matmul.js'
import * as shapes from './ops/shape.js'
import { floatsIn, indicesIn, record, recordAll, Tensor } from './tensor.js'

/** Tensors of one shape (but for that axis) one after another along an axis. */
export function concatenate(tensors: readonly Tensor[], axis = 0): Tensor {
  const parts = tensors.map((tensor) => floatsIn('concatenate', tensor))
  if (tensors.length === 1) return tensors[0]
  return record(tensors, shapes.concatenate(parts, axis))
}

/** Tensors of one shape side by side along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const at = tensors.length === 0 ? 0 : axisOf('stack', [...tensors[0].shape, 1], axis)
  const raised = tensors.map((tensor) => tensor.reshape(...tensor.shape.toSpliced(at, 0, 1)))
  return concatenate(raised, at)
}

/** Pieces of `sizes` along an axis: one size for equal pieces, or a list of sizes that add up. */
export function split(tensor: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  const at = axisOf('split', tensor.shape, axis)
  const length = tensor.shape[at]
  if (typeof sizes === 'number') checkWhole('split', 'size', sizes)
  const widths = typeof sizes === 'number' ? Array<number>(Math.ceil(length / sizes)).fill(sizes) : sizes
  const total = widths.reduce((sum, width) => sum + width, 0)
  if (total !== length) {
    throw new ShapeError(`split: sizes ${formatShape(widths)} add up to ${total}, expected ${length}`)
  }
  const { data, shape } = tensor
  if (!(data instanceof Int32Array)) return recordAll([tensor], shapes.split({ data, shape }, at, widths))
  let start = 0
  return widths.map((width) => {
    start += width
    return tensor.slice(at, start - width, start)
  })
}

/** Rows of zeros with a one at each index: indices.shape + [classes]. @throws ShapeError for one out of range */
export function oneHot(indices: Tensor, classes: number): Tensor {
  checkWhole('oneHot', 'classes', classes)
  const { data, shape } = indexing.oneHot(indicesIn('oneHot', indices), classes)
  return new Tensor(data, shape)
}

/**
 * Mean cross entropy: of −log softmax(logits)[target] over the rows.
 * @param logits [n, classes] @param targets int32 [n] @returns a scalar, in nats
 */
export function crossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return record([logits], loss.crossEntropy(floatsIn('crossEntropy', logits), indicesIn('crossEntropy', targets)))
}

/** Mean of (prediction − target)²; both of one shape. */
export function mseLoss(prediction: Tensor, target: Tensor): Tensor {
  return record([prediction, target], loss.mseLoss(floatsIn('mseLoss', prediction), floatsIn('mseLoss', target)))
}

/**
 * (x − mean) / √(variance + eps) · weight + bias over the last axis, the variance divided by n (Ba, Kiros & Hinton
 * 2016). Weight and bias have as many values as that axis.
 */
export function layerNorm(x: Tensor, weight: Tensor, bias?: Tensor, eps = 1e-5): Tensor {
  const [a, b] = [floatsIn('layerNorm', weight), bias && floatsIn('layerNorm', bias)]
  return record(bias ? [x, weight, bias] : [x, weight], normalization.layerNorm(floatsIn('layerNorm', x), a, b, eps))
}

/** x · Wᵀ + b with x […, inFeatures], W [outFeatures, inFeatures] and b [outFeatures]. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const product = record([x, weight], matmul(floatsIn('linear', x), floatsIn('linear', weight), true))
  return bias ? product.add(bias) : product
}

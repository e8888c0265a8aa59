import { checkNumber, checkWhole } from '../core/check.js'
import { describe } from '../core/describe.js'
import { ShapeError } from '../core/errors.js'
import { axisOf, formatShape, sameShape } from '../core/shape.js'
import { defaultDevice } from '../kernels/devices.js'
import * as indexing from './ops/indexing.js'
import * as normalization from './ops/layer-norm.js'
import { matmul } from './ops/matmul.js'
import * as shapes from './ops/shape.js'
import { floatsIn, indicesIn } from './placed.js'
import { checkTensor, recordAll, recordOne, Tensor } from './tensor.js'

/** Joins tensors along an axis; their shapes may differ only there. */
export function concatenate(tensors: readonly Tensor[], axis = 0): Tensor {
  checkTensors('concatenate', tensors)
  const first = floatsIn('concatenate', tensors[0], 'a tensor')
  const parts = tensors.map((tensor) => floatsIn('concatenate', tensor, 'a tensor', first))
  const at = axisOf('concatenate', parts[0].shape, axis)
  if (tensors.length === 1) return tensors[0]
  return recordOne(tensors, shapes.concatenate(parts, at))
}

/** Joins tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  checkTensors('stack', tensors)
  const [{ shape }] = tensors
  const at = axisOf('stack', [...shape, 1], axis)
  const other = tensors.find((tensor) => !sameShape(floatsIn('stack', tensor).shape, shape))
  if (other) {
    throw new ShapeError(
      `stack: shapes ${formatShape(shape)} and ${formatShape(other.shape)} differ, expected equal shapes`,
    )
  }
  const raised = tensors.map((tensor) => tensor.reshape(...tensor.shape.toSpliced(at, 0, 1)))
  return concatenate(raised, at)
}

/** Splits a tensor along an axis: into pieces of one size, or of a list of sizes that add up to its length. */
export function split(tensor: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  checkTensor('split', tensor)
  const at = axisOf('split', tensor.shape, axis)
  const length = tensor.shape[at]
  if (!Array.isArray(sizes)) checkWhole('split', 'size', sizes)
  const widths = typeof sizes === 'number' ? Array<number>(Math.ceil(length / sizes)).fill(sizes) : sizes
  for (const width of widths) checkWhole('split', 'size', width, 0)
  const total = widths.reduce((sum, width) => sum + width, 0)
  if (total !== length) {
    throw new ShapeError(`split: sizes ${formatShape(widths)} add up to ${total}, expected ${length}`)
  }
  if (tensor.dtype === 'float') return recordAll([tensor], shapes.split(floatsIn('split', tensor), at, widths))
  let start = 0
  return widths.map((width) => {
    start += width
    return tensor.slice(at, start - width, start)
  })
}

/** Rows of zeros with a one at each index: indices.shape + [classes]. @throws ShapeError for an index out of range */
export function oneHot(indices: Tensor, classes: number): Tensor {
  checkWhole('oneHot', 'classes', classes)
  const { storage, shape, device } = indexing.oneHot(indicesIn('oneHot', indices, 'indices'), classes, defaultDevice())
  return new Tensor(storage, shape, false, device)
}

/**
 * (x − mean) / √(variance + eps) · weight + bias over the last axis, the variance divided by n (Ba, Kiros & Hinton
 * 2016). Weight and bias have as many values as that axis.
 */
export function layerNorm(x: Tensor, weight: Tensor, bias?: Tensor, eps = 1e-5): Tensor {
  checkNumber('layerNorm', 'eps', eps, 0)
  const values = floatsIn('layerNorm', x, 'x')
  const a = floatsIn('layerNorm', weight, 'weight', values)
  const b = bias === undefined ? undefined : floatsIn('layerNorm', bias, 'bias', values)
  return recordOne(bias ? [x, weight, bias] : [x, weight], normalization.layerNorm(values, a, b, eps))
}

/** x · Wᵀ + b with x […, inFeatures], W [outFeatures, inFeatures] and b [outFeatures]. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const rows = floatsIn('linear', x, 'x')
  const product = recordOne([x, weight], matmul('linear', rows, floatsIn('linear', weight, 'weight', rows), true))
  if (bias === undefined) return product
  const expected = [weight.shape[0]]
  if (!sameShape(floatsIn('linear', bias, 'bias').shape, expected)) {
    throw new ShapeError(
      `linear: bias has the shape ${formatShape(bias.shape)}, expected [outFeatures] = ${formatShape(expected)}`,
    )
  }
  return product.add(bias)
}

/** @throws ShapeError unless an argument is an array of at least one tensor */
function checkTensors(where: string, tensors: unknown): void {
  if (!Array.isArray(tensors)) {
    throw new ShapeError(`${where}: the tensors are ${describe(tensors)}, expected an array of tensors`)
  }
  if (tensors.length === 0) throw new ShapeError(`${where}: no tensors, expected at least one`)
  for (let i = 0; i < tensors.length; i++) checkTensor(where, tensors[i], `tensor ${i}`)
}

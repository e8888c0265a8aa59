import { GradientError, ShapeError } from '../core/errors.js'
import { axisOf, checkShape, formatShape, type Shape, sizeOf } from '../core/shape.js'
import { kernels } from '../kernels/index.js'
import type { FloatArray } from '../kernels/kernels.js'
import { isGradEnabled, Node, type Origin, runBackward, type Variable } from './autograd.js'
import { noteReached } from './listings.js'
import * as elementwise from './ops/elementwise.js'
import * as indexing from './ops/indexing.js'
import { matmul } from './ops/matmul.js'
import * as reduce from './ops/reduce.js'
import * as shapes from './ops/shape.js'
import { logSoftmax, softmax } from './ops/softmax.js'
import { floats, type Indices, type Result, type Results, type Value } from './value.js'

export type TensorData = FloatArray | Int32Array
export type NestedNumbers = number | NestedNumbers[]

/**
 * Numbers in a shape, row-major: floats, or whole numbers (`int32`) for tokens and indices. Operations on
 * tensors that require gradients are recorded; `backward()` on a scalar fills `grad` of the leaves. Memory is
 * the garbage collector's business: there is nothing to free.
 */
export class Tensor implements Variable {
  /** The sum of the gradients of all `backward()` calls since it was last set to null. Leaves only. */
  grad: Tensor | null = null
  origin?: Origin
  #wanted: boolean

  /** Takes `data` as it is, without a copy. @throws ShapeError unless its length is that of the shape */
  constructor(
    readonly data: TensorData,
    readonly shape: Shape,
    public requiresGrad = false,
  ) {
    checkShape('Tensor', shape)
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(
        `Tensor: ${data.length} values cannot have the shape ${formatShape(shape)} of ${sizeOf(shape)} values`,
      )
    }
    this.#wanted = requiresGrad
  }

  /**
   * Whether a module that has this tensor in a field lists it among its parameters: its gradient is wanted, or was
   * wanted before it was frozen. The results of operations are no parameters.
   */
  get isParameter(): boolean {
    return this.#wanted || (this.requiresGrad && this.origin === undefined)
  }

  get dtype(): 'float' | 'int32' {
    return this.data instanceof Int32Array ? 'int32' : 'float'
  }

  get rank(): number {
    return this.shape.length
  }

  get size(): number {
    return this.data.length
  }

  // Elementwise, with NumPy's broadcasting.

  add(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('add', 1, other)
    return record([this, other], elementwise.add(floatsIn('add', this), floatsIn('add', other)))
  }

  sub(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('sub', 1, -other)
    return record([this, other], elementwise.sub(floatsIn('sub', this), floatsIn('sub', other)))
  }

  mul(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('mul', other, 0)
    return record([this, other], elementwise.mul(floatsIn('mul', this), floatsIn('mul', other)))
  }

  div(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('div', 1 / other, 0)
    return record([this, other], elementwise.div(floatsIn('div', this), floatsIn('div', other)))
  }

  neg(): Tensor {
    return this.#affine('neg', -1, 0)
  }

  square(): Tensor {
    return this.mul(this)
  }

  exp(): Tensor {
    return record([this], elementwise.exp(floatsIn('exp', this)))
  }

  /** Natural logarithm. */
  log(): Tensor {
    return record([this], elementwise.log(floatsIn('log', this)))
  }

  tanh(): Tensor {
    return record([this], elementwise.tanh(floatsIn('tanh', this)))
  }

  /** 1 / (1 + e^−x) */
  sigmoid(): Tensor {
    return record([this], elementwise.sigmoid(floatsIn('sigmoid', this)))
  }

  relu(): Tensor {
    return record([this], elementwise.relu(floatsIn('relu', this)))
  }

  sqrt(): Tensor {
    return record([this], elementwise.sqrt(floatsIn('sqrt', this)))
  }

  abs(): Tensor {
    return record([this], elementwise.abs(floatsIn('abs', this)))
  }

  // Products and reductions.

  /** [m, k] · [k, n] to [m, n]; more axes before the last one count as rows. */
  matmul(other: Tensor): Tensor {
    return record([this, other], matmul(floatsIn('matmul', this), floatsIn('matmul', other)))
  }

  /** Σ over one axis, or over all values. */
  sum(axis?: number, { keepDims = false } = {}): Tensor {
    return record([this], reduce.sum(floatsIn('sum', this), axis, keepDims))
  }

  mean(axis?: number, options: { keepDims?: boolean } = {}): Tensor {
    const count = axis === undefined ? this.size : this.shape[axisOf('mean', this.shape, axis)]
    if (count === 0) throw new ShapeError(`mean: the shape ${formatShape(this.shape)} has no values to average`)
    return this.sum(axis, options).div(count)
  }

  max(axis?: number, { keepDims = false } = {}): Tensor {
    return record([this], reduce.max(floatsIn('max', this), axis, keepDims))
  }

  /** Place of the largest value along an axis, as int32; the first of equals. */
  argmax(axis = -1): Tensor {
    const { data, shape } = reduce.argmax(floatsIn('argmax', this), axis)
    return new Tensor(data, shape)
  }

  /** Over the last axis. */
  softmax(): Tensor {
    return record([this], softmax(floatsIn('softmax', this)))
  }

  /** Over the last axis. */
  logSoftmax(): Tensor {
    return record([this], logSoftmax(floatsIn('logSoftmax', this)))
  }

  // Shapes and indices. These work on whole numbers too.

  /** The same values in another shape; one length may be −1. */
  reshape(...lengths: number[]): Tensor {
    const shape = shapes.resolveShape(this.shape, lengths)
    const { data } = this
    if (data instanceof Int32Array) return new Tensor(data, shape)
    return record([this], { data, shape, backward: (dy) => [dy] })
  }

  permute(...axes: number[]): Tensor {
    shapes.checkAxes(this.shape, axes)
    const { data, shape } = this
    if (data instanceof Int32Array) {
      return new Tensor(
        shapes.permuted(data, shape, axes),
        axes.map((axis) => shape[axis]),
      )
    }
    return record([this], shapes.permute({ data, shape }, axes))
  }

  /** Swaps two axes. */
  transpose(a = -2, b = -1): Tensor {
    const axes = this.shape.map((_, axis) => axis)
    const [first, second] = [axisOf('transpose', this.shape, a), axisOf('transpose', this.shape, b)]
    axes[first] = second
    axes[second] = first
    return this.permute(...axes)
  }

  /** The transpose of a matrix. */
  get T(): Tensor {
    return this.transpose()
  }

  /** Those from `start` up to, not including, `end` along an axis. */
  slice(axis: number, start: number, end?: number): Tensor {
    const at = axisOf('slice', this.shape, axis)
    const [from, to] = shapes.range('slice', this.shape, at, start, end)
    const { data, shape } = this
    if (data instanceof Int32Array) {
      return new Tensor(shapes.sliced(data, shape, at, from, to), shape.with(at, to - from))
    }
    return record([this], shapes.slice({ data, shape }, at, from, to))
  }

  /** The one at `index` along an axis, without that axis. */
  select(axis: number, index: number): Tensor {
    const at = axisOf('select', this.shape, axis)
    const place = index < 0 ? index + this.shape[at] : index
    shapes.range('select', this.shape, at, place, place + 1)
    return this.slice(at, place, place + 1).reshape(...this.shape.toSpliced(at, 1))
  }

  /** Rows of a matrix [n, d] by their numbers: indices.shape + [d]. */
  gatherRows(indices: Tensor): Tensor {
    return record([this], indexing.gatherRows(floatsIn('gatherRows', this), indicesIn('gatherRows', indices)))
  }

  /** One value of each row of a matrix [n, c], indices [n]. */
  pick(indices: Tensor): Tensor {
    return record([this], indexing.pick(floatsIn('pick', this), indicesIn('pick', indices)))
  }

  // The graph.

  /** The same values, cut off from the graph: gradients stop here. */
  detach(): Tensor {
    return new Tensor(this.data, this.shape)
  }

  /** A copy of the values, outside the graph. */
  clone(): Tensor {
    return new Tensor(this.data.slice(), this.shape)
  }

  /** Makes this tensor a leaf whose gradient is wanted. @throws GradientError for the result of an operation */
  requiresGrad_(flag = true): this {
    if (this.origin)
      throw new GradientError('requiresGrad_: this is the result of an operation, expected a leaf; detach() it first')
    if (this.dtype === 'int32')
      throw new GradientError('requiresGrad_: whole numbers have no gradients, expected floats')
    this.#wanted = this.isParameter || flag
    this.requiresGrad = flag
    return this
  }

  /**
   * Gradients of this scalar with respect to every leaf it was made from, added to their `grad`. Frees the
   * graph: a second call needs a second forward pass.
   * @throws GradientError on anything but a scalar with a graph, and on the second call
   */
  backward(): void {
    if (this.size !== 1) {
      throw new GradientError(
        `backward: the tensor has the shape ${formatShape(this.shape)}, expected a scalar such as a loss; take its sum() or mean()`,
      )
    }
    if (!this.origin) {
      throw new GradientError(
        'backward: the tensor has no graph, expected one made from tensors that require gradients, outside noGrad',
      )
    }
    const leaves = runBackward(this.origin.node, this.origin.output, floats(1).fill(1))
    noteReached([...leaves] as Tensor[])
  }

  accumulateGrad(grad: FloatArray, owned: boolean): void {
    if (this.grad) kernels().addScaled(1, grad, this.grad.data as FloatArray)
    else this.grad = new Tensor(owned ? grad : grad.slice(), this.shape)
  }

  // Reading. Asynchronous, so that the same code can run where values have to be fetched.

  /** The only value. @throws ShapeError where there are more */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ShapeError(`item: the tensor has the shape ${formatShape(this.shape)}, expected one value`)
    return this.data[0]
  }

  /** A copy of the values, row-major. */
  async values(): Promise<TensorData> {
    return this.data.slice()
  }

  /** The values as nested arrays; a scalar as a number. */
  async toArray(): Promise<NestedNumbers> {
    const nest = (axis: number, from: number): NestedNumbers => {
      if (axis === this.rank) return this.data[from]
      const step = sizeOf(this.shape.slice(axis + 1))
      return Array.from({ length: this.shape[axis] }, (_, i) => nest(axis + 1, from + i * step))
    }
    return nest(0, 0)
  }

  #affine(where: string, scale: number, shift: number): Tensor {
    return record([this], elementwise.affine(floatsIn(where, this), scale, shift))
  }
}

/** A tensor's floats. @throws ShapeError for whole numbers */
export function floatsIn(where: string, { data, shape }: Tensor): Value {
  if (data instanceof Int32Array) {
    throw new ShapeError(`${where}: the tensor ${formatShape(shape)} holds whole numbers (int32), expected floats`)
  }
  return { data, shape }
}

/** A tensor's whole numbers. @throws ShapeError for floats */
export function indicesIn(where: string, { data, shape }: Tensor): Indices {
  if (!(data instanceof Int32Array)) {
    throw new ShapeError(
      `${where}: the tensor ${formatShape(shape)} holds floats, expected whole numbers (dtype int32)`,
    )
  }
  return { data, shape }
}

/** The tensor of an operation's result, with its way back in the graph where an input asks for it. */
export function record(inputs: readonly Tensor[], { data, shape, backward }: Result): Tensor {
  const outputs = [{ data, shape }]
  return recordAll(inputs, { outputs, backward: ([dy], wanted) => backward(dy!, wanted) })[0]
}

/** The same for an operation with several outputs. */
export function recordAll(inputs: readonly Tensor[], { outputs, backward }: Results): Tensor[] {
  const results = outputs.map(({ data, shape }) => new Tensor(data, shape))
  if (isGradEnabled() && inputs.some((input) => input.requiresGrad)) {
    const wanted = inputs.map((input) => input.requiresGrad)
    const node = new Node(inputs, (dys) => backward(dys, wanted))
    for (const [output, result] of results.entries()) {
      result.requiresGrad = true
      result.origin = { node, output }
    }
  }
  return results
}

import { describe } from '../core/describe.js'
import { GradientError, ShapeError } from '../core/errors.js'
import { checkOptions } from '../core/options.js'
import { axisOf, checkWholeArguments, formatShape, type Shape, sameShape, sizeOf } from '../core/shape.js'
import { kernels } from '../kernels/index.js'
import type { FloatArray } from '../kernels/kernels.js'
import { dataOf, type NumberArray, type TensorData } from './arrays.js'
import { isGradEnabled, Node, type Origin, runBackward, type Variable } from './autograd.js'
import { noteReached } from './listings.js'
import * as elementwise from './ops/elementwise.js'
import * as indexing from './ops/indexing.js'
import { matmul } from './ops/matmul.js'
import * as reduce from './ops/reduce.js'
import * as shapes from './ops/shape.js'
import { logSoftmax, softmax } from './ops/softmax.js'
import { floats, type Indices, type Result, type Results, type Value } from './value.js'

export type NestedNumbers = number | NestedNumbers[]

interface ReduceOptions {
  /** Whether an axis that was reduced stays, with the length 1. Default false. */
  keepDims?: boolean
}

function keepDimsOf(where: string, options: ReduceOptions): boolean {
  checkOptions(where, options, { keepDims: 'boolean' })
  return options.keepDims ?? false
}

/**
 * Numbers in a shape, row-major: floats, or whole numbers (`int32`) for tokens and indices. Operations on
 * tensors that require gradients are recorded; `backward()` on a scalar fills `grad` of the leaves. Memory is
 * the garbage collector's business: there is nothing to free.
 */
export class Tensor implements Variable {
  /** Row-major, as many as the shape has; of an int32 tensor an Int32Array. */
  readonly data: TensorData
  origin?: Origin
  #grad: Tensor | null = null
  #wanted: boolean

  /**
   * @param data taken without a copy where it is of the kind of the kernels in use (Float32Array as a rule) or
   *   Int32Array; other numbers are copied into floats
   * @throws ShapeError unless these are numbers, as many as the shape has
   * @throws GradientError where gradients of an int32 are asked for
   */
  constructor(
    data: NumberArray,
    readonly shape: Shape,
    public requiresGrad = false,
  ) {
    this.data = dataOf('Tensor', data, shape)
    this.#wanted = requiresGrad
    if (requiresGrad) this.requiresGrad_()
  }

  /**
   * The sum of the gradients of all `backward()` calls since it was last set to null. Leaves only.
   * @throws ShapeError on setting anything but null or a tensor of floats of the same shape
   */
  get grad(): Tensor | null {
    return this.#grad
  }

  set grad(grad: Tensor | null) {
    if (grad !== null && !sameShape(floatsIn('grad', grad, 'the gradient').shape, this.shape)) {
      throw new ShapeError(
        `grad: the gradient has the shape ${formatShape(grad.shape)}, expected that of the tensor, ${formatShape(this.shape)}`,
      )
    }
    this.#grad = grad
  }

  /** The name in messages, which survives minification. */
  get [Symbol.toStringTag](): string {
    return 'Tensor'
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
    return record([this, other], elementwise.add(floatsIn('add', this), floatsIn('add', other, OPERAND)))
  }

  sub(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('sub', 1, -other)
    return record([this, other], elementwise.sub(floatsIn('sub', this), floatsIn('sub', other, OPERAND)))
  }

  mul(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('mul', other, 0)
    return record([this, other], elementwise.mul(floatsIn('mul', this), floatsIn('mul', other, OPERAND)))
  }

  div(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('div', 1 / other, 0)
    return record([this, other], elementwise.div(floatsIn('div', this), floatsIn('div', other, OPERAND)))
  }

  neg(): Tensor {
    return this.#affine('neg', -1, 0)
  }

  square(): Tensor {
    const x = floatsIn('square', this)
    return record([this, this], elementwise.mul(x, x))
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
    return record([this, other], matmul('matmul', floatsIn('matmul', this), floatsIn('matmul', other, OPERAND)))
  }

  /** Σ over one axis, or over all values. */
  sum(axis?: number, options: ReduceOptions = {}): Tensor {
    return record([this], reduce.sum(floatsIn('sum', this), axis, keepDimsOf('sum', options)))
  }

  mean(axis?: number, options: ReduceOptions = {}): Tensor {
    keepDimsOf('mean', options)
    const count = axis === undefined ? this.size : this.shape[axisOf('mean', this.shape, axis)]
    floatsIn('mean', this)
    if (count === 0) throw new ShapeError(`mean: the shape ${formatShape(this.shape)} has no values to average`)
    return this.sum(axis, options).div(count)
  }

  max(axis?: number, options: ReduceOptions = {}): Tensor {
    return record([this], reduce.max(floatsIn('max', this), axis, keepDimsOf('max', options)))
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
    checkWholeArguments('reshape', lengths)
    const shape = shapes.resolveShape(this.shape, lengths)
    if (this.data instanceof Int32Array) return new Tensor(this.data, shape)
    return record([this], { data: floatsIn('reshape', this).data, shape, backward: (dy) => [dy] })
  }

  permute(...axes: number[]): Tensor {
    checkWholeArguments('permute', axes)
    shapes.checkAxes(this.shape, axes)
    const { data, shape } = this
    if (data instanceof Int32Array) {
      return new Tensor(
        shapes.permuted(data, shape, axes),
        axes.map((axis) => shape[axis]),
      )
    }
    return record([this], shapes.permute(floatsIn('permute', this), axes))
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
    checkWholeArguments('slice', end === undefined ? [start] : [start, end])
    const [from, to] = shapes.range('slice', this.shape, at, start, end)
    const { data, shape } = this
    if (data instanceof Int32Array) {
      return new Tensor(shapes.sliced(data, shape, at, from, to), shape.with(at, to - from))
    }
    return record([this], shapes.slice(floatsIn('slice', this), at, from, to))
  }

  /** The one at `index` along an axis, without that axis. */
  select(axis: number, index: number): Tensor {
    const at = axisOf('select', this.shape, axis)
    checkWholeArguments('select', [index])
    const place = index < 0 ? index + this.shape[at] : index
    shapes.range('select', this.shape, at, place, place + 1)
    return this.slice(at, place, place + 1).reshape(...this.shape.toSpliced(at, 1))
  }

  /** Rows of a matrix [n, d] by their numbers: indices.shape + [d]. */
  gatherRows(indices: Tensor): Tensor {
    return record(
      [this],
      indexing.gatherRows('gatherRows', floatsIn('gatherRows', this), indicesIn('gatherRows', indices, 'indices')),
    )
  }

  /** One value of each row of a matrix [n, c], indices [n]. */
  pick(indices: Tensor): Tensor {
    return record([this], indexing.pick(floatsIn('pick', this), indicesIn('pick', indices, 'indices')))
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
    floatsIn('backward', this)
    const leaves = runBackward(this.origin.node, this.origin.output, floats(1).fill(1))
    noteReached([...leaves] as Tensor[])
  }

  accumulateGrad(grad: FloatArray, owned: boolean): void {
    if (this.#grad) kernels().addScaled(1, grad, this.#grad.data as FloatArray)
    else this.#grad = new Tensor(owned ? grad : grad.slice(), this.shape)
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

const OPERAND = 'the operand'

/** @throws ShapeError unless an argument of the function `where`, which the message calls `name`, is a tensor */
export function checkTensor(where: string, value: unknown, name = 'the tensor'): asserts value is Tensor {
  if (value instanceof Tensor) return
  throw new ShapeError(`${where}: ${name} is ${describe(value)}, expected a tensor, as tensor(…) makes of numbers`)
}

/**
 * A tensor's floats, on the way into an operation. Its array is of the kind that the kernels in use compute with, or
 * they would take its bytes for something else.
 * @throws ShapeError for whole numbers, floats of another precision, and what is no tensor
 */
export function floatsIn(where: string, tensor: unknown, name = 'the tensor'): Value {
  checkTensor(where, tensor, name)
  const { data, shape } = tensor
  const { Float, name: kernelSet } = kernels()
  if (data instanceof Float && data.length === sizeOf(shape)) return { data, shape }
  const problem =
    data instanceof Int32Array
      ? 'holds whole numbers (int32), expected floats'
      : data instanceof Float
        ? `has ${data.length} values, expected ${sizeOf(shape)}; its array was transferred or resized, or its shape changed`
        : `holds ${describe(data)}, expected ${describe(new Float(0))}, the kind of the kernels in use (${kernelSet}); clone() converts a tensor, and newModel.loadStateDict(model.stateDict()) all parameters of a model`
  throw new ShapeError(`${where}: ${name} ${formatShape(shape)} ${problem}`)
}

/** A tensor's whole numbers. @throws ShapeError for floats, and what is no tensor */
export function indicesIn(where: string, tensor: unknown, name = 'the tensor'): Indices {
  checkTensor(where, tensor, name)
  const { data, shape } = tensor
  if (!(data instanceof Int32Array)) {
    throw new ShapeError(`${where}: ${name} ${formatShape(shape)} holds floats, expected whole numbers (dtype int32)`)
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

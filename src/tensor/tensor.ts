import { checkNumber } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { inspected } from '../core/describe.js'
import { GradientError, ShapeError } from '../core/errors.js'
import { axisOf, checkWholeArguments, formatShape, type Shape, sameShape, sizeOf } from '../core/shape.js'
import type { Device, Resident, Storage } from '../device/device.js'
import type { NumberArray, TensorData } from './arrays.js'
import { addInto, isRecorded, Node, type Origin, runBackward } from './autograd.js'
import { noteReached } from './listings.js'
import * as elementwise from './ops/elementwise.js'
import * as indexing from './ops/indexing.js'
import { matmul } from './ops/matmul.js'
import * as reduce from './ops/reduce.js'
import * as shapes from './ops/shape.js'
import { logSoftmax, softmax } from './ops/softmax.js'
import { checkPlaced, type DType, floatsIn, indicesIn, Placed } from './placed.js'
import { copyOf, type Indices, type Result, type Results, type Value } from './value.js'

/** A number, or nested arrays of numbers. */
export type NestedNumbers = number | NestedNumbers[]

/** Options of a reduction. */
export interface ReduceOptions {
  /** Whether a reduced axis is kept with the length 1. Default false. */
  keepDims?: boolean
}

function keepDimsOf(where: string, options: ReduceOptions): boolean {
  checkOptions(where, options, { keepDims: 'boolean' })
  return options.keepDims ?? false
}

/**
 * An array of numbers with a shape, row-major: floats, or whole numbers (`int32`) for tokens and indices. Operations on
 * tensors that require gradients are recorded; `backward()` on a scalar fills `grad` of the leaves. Tensors are
 * garbage-collected: there is nothing to free.
 */
export class Tensor extends Placed {
  /** @internal The operation that made it. */
  origin?: Origin
  #grad: Tensor | null = null
  /** The gradient as long as nobody has asked for it. */
  #ownGrad: Storage | undefined
  #wanted: boolean

  /**
   * @param data used without a copy if it is an Int32Array or of the kind of the kernels in use (usually Float32Array);
   *   other numbers are copied into floats
   * @param device for the library's own use: if given, `data` is a storage of this device, of `dtype`
   * @throws ShapeError unless `data` is numbers that fill the shape
   * @throws GradientError if gradients of an int32 tensor are requested
   */
  constructor(
    data: NumberArray | Storage,
    shape: Shape,
    public requiresGrad = false,
    device?: Device,
    dtype: DType = 'float',
  ) {
    super(data, shape, device, dtype)
    this.#wanted = requiresGrad
    if (requiresGrad) this.requiresGrad_()
  }

  /**
   * The sum of the gradients of all `backward()` calls since it was last set to null. Only leaves have one.
   * @throws ShapeError when it is set to anything but null or a tensor of floats of the same shape, OptionError for one
   *   on another device
   */
  get grad(): Tensor | null {
    if (this.#ownGrad) {
      // Whoever takes a gradient may keep it: it leaves the memory that the next backward pass writes to.
      const { array = this.#ownGrad } = this.#ownGrad as Storage & Partial<Resident>
      this.#grad = new Tensor(array, this.shape, false, this.device)
    }
    this.#ownGrad = undefined
    return this.#grad
  }

  set grad(grad: Tensor | null) {
    if (grad !== null && !sameShape(floatsIn('grad', grad, 'the gradient', this).shape, this.shape)) {
      throw new ShapeError(
        `grad: the gradient has the shape ${formatShape(grad.shape)}, expected that of the tensor, ${formatShape(this.shape)}`,
      )
    }
    if (this.#ownGrad) this.device.free(this.#ownGrad)
    this.#ownGrad = undefined
    this.#grad = grad
  }

  /** @internal The storage of the gradient, for those who do not hold it. */
  get gradStorage(): Storage | undefined {
    const own = this.#ownGrad
    return own && this.device.owns(own) ? own : this.grad?.storage
  }

  /** The name in messages, which survives minification. */
  get [Symbol.toStringTag](): string {
    return 'Tensor'
  }

  /**
   * Whether a module that has this tensor in a field lists it among its parameters. It does if the tensor requires a
   * gradient, or did before it was frozen. The results of operations are not parameters.
   */
  get isParameter(): boolean {
    return this.#wanted || (this.requiresGrad && this.origin === undefined)
  }

  // Elementwise, with NumPy's broadcasting.

  /** The sum of both, broadcast. */
  add(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('add', 1, other)
    return recordOne([this, other], elementwise.add(...this.#with('add', other)))
  }

  /** This minus the other, broadcast. */
  sub(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('sub', 1, -other)
    return recordOne([this, other], elementwise.sub(...this.#with('sub', other)))
  }

  /** The product of the values, broadcast. */
  mul(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('mul', other, 0)
    return recordOne([this, other], elementwise.mul(...this.#with('mul', other)))
  }

  /** This divided by the other, broadcast. */
  div(other: Tensor | number): Tensor {
    if (typeof other === 'number') return this.#affine('div', 1 / other, 0)
    return recordOne([this, other], elementwise.div(...this.#with('div', other)))
  }

  /** −x */
  neg(): Tensor {
    return this.#affine('neg', -1, 0)
  }

  /** x² */
  square(): Tensor {
    const x = floatsIn('square', this)
    return recordOne([this, this], elementwise.mul(x, x))
  }

  /** x to the power of a number: of a negative x, NaN unless the exponent is a whole number. 0⁰ is 1. */
  pow(exponent: number): Tensor {
    checkNumber('pow', 'the exponent', exponent, -Infinity)
    return recordOne([this], elementwise.pow(floatsIn('pow', this), exponent))
  }

  /** eˣ */
  exp(): Tensor {
    return recordOne([this], elementwise.exp(floatsIn('exp', this)))
  }

  /** Natural logarithm. */
  log(): Tensor {
    return recordOne([this], elementwise.log(floatsIn('log', this)))
  }

  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return recordOne([this], elementwise.tanh(floatsIn('tanh', this)))
  }

  /** 1 / (1 + e^−x) */
  sigmoid(): Tensor {
    return recordOne([this], elementwise.sigmoid(floatsIn('sigmoid', this)))
  }

  /** The value if it is above 0, or else 0. */
  relu(): Tensor {
    return recordOne([this], elementwise.relu(floatsIn('relu', this)))
  }

  /** Square root. */
  sqrt(): Tensor {
    return recordOne([this], elementwise.sqrt(floatsIn('sqrt', this)))
  }

  /** Absolute value. */
  abs(): Tensor {
    return recordOne([this], elementwise.abs(floatsIn('abs', this)))
  }

  // Products and reductions.

  /** [m, k] · [k, n] to [m, n]; more axes before the last one count as rows. */
  matmul(other: Tensor): Tensor {
    return recordOne([this, other], matmul('matmul', ...this.#with('matmul', other)))
  }

  /** Σ over one axis, or over all values. */
  sum(axis?: number, options: ReduceOptions = {}): Tensor {
    return recordOne([this], reduce.sum(floatsIn('sum', this), axis, keepDimsOf('sum', options)))
  }

  /** Mean over one axis, or over all values. */
  mean(axis?: number, options: ReduceOptions = {}): Tensor {
    keepDimsOf('mean', options)
    const count = axis === undefined ? this.size : this.shape[axisOf('mean', this.shape, axis)]
    floatsIn('mean', this)
    if (count === 0) throw new ShapeError(`mean: the shape ${formatShape(this.shape)} has no values to average`)
    return this.sum(axis, options).div(count)
  }

  /** The largest value along one axis, or of all, or a NaN; of equal values the first one gets the gradient. */
  max(axis?: number, options: ReduceOptions = {}): Tensor {
    return recordOne([this], reduce.max(floatsIn('max', this), axis, keepDimsOf('max', options)))
  }

  /** The place of the largest value along an axis, or of a NaN, as int32; of equal values, the first. */
  argmax(axis = -1): Tensor {
    const { places, shape } = reduce.argmax(floatsIn('argmax', this), axis)
    return new Tensor(places, shape, false, this.device, 'int32')
  }

  /** Computed over the last axis. */
  softmax(): Tensor {
    return recordOne([this], softmax(floatsIn('softmax', this)))
  }

  /** Computed over the last axis. */
  logSoftmax(): Tensor {
    return recordOne([this], logSoftmax(floatsIn('logSoftmax', this)))
  }

  // Shapes and indices. These work on whole numbers too.

  /** The same values in another shape; one length may be −1. */
  reshape(...lengths: number[]): Tensor {
    checkWholeArguments('reshape', lengths)
    const shape = shapes.resolveShape(this.shape, lengths)
    if (this.dtype === 'int32') return new Tensor(this.storage, shape, false, this.device, 'int32')
    const { storage, device } = floatsIn('reshape', this)
    return recordOne([this], { storage, shape, device, backward: (dy) => [dy] })
  }

  /** The axes in another order: axis i of the result is axis `axes[i]` of this tensor. */
  permute(...axes: number[]): Tensor {
    checkWholeArguments('permute', axes)
    shapes.checkAxes(this.shape, axes)
    if (this.dtype === 'int32') return fromIndices(shapes.permuteIndices(indicesIn('permute', this), axes))
    return recordOne([this], shapes.permute(floatsIn('permute', this), axes))
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

  /** The values from `start` up to, not including, `end` along an axis. */
  slice(axis: number, start: number, end?: number): Tensor {
    const at = axisOf('slice', this.shape, axis)
    checkWholeArguments('slice', end === undefined ? [start] : [start, end])
    const [from, to] = shapes.range('slice', this.shape, at, start, end)
    if (this.dtype === 'int32') return fromIndices(shapes.sliceIndices(indicesIn('slice', this), at, from, to))
    return recordOne([this], shapes.slice(floatsIn('slice', this), at, from, to))
  }

  /** The values at `index` along an axis, without that axis. */
  select(axis: number, index: number): Tensor {
    const at = axisOf('select', this.shape, axis)
    checkWholeArguments('select', [index])
    const place = index < 0 ? index + this.shape[at] : index
    shapes.range('select', this.shape, at, place, place + 1)
    return this.slice(at, place, place + 1).reshape(...this.shape.toSpliced(at, 1))
  }

  /** Rows of a matrix [n, d] by their numbers: indices.shape + [d]. */
  gatherRows(indices: Tensor): Tensor {
    return recordOne(
      [this],
      indexing.gatherRows('gatherRows', floatsIn('gatherRows', this), indicesIn('gatherRows', indices, 'indices')),
    )
  }

  /** One value from each row of a matrix [n, c], at the indices [n]. */
  pick(indices: Tensor): Tensor {
    return recordOne([this], indexing.pick(floatsIn('pick', this), indicesIn('pick', indices, 'indices')))
  }

  // The graph.

  /** The same values, cut off from the graph: gradients stop here. */
  detach(): Tensor {
    return new Tensor(this.storage, this.shape, false, this.device, this.dtype)
  }

  /** A copy of the values, outside the graph; on the CPU in the precision of the kernels in use. */
  clone(): Tensor {
    const { device, storage, shape, dtype } = this
    if (dtype === 'int32') return ArrayBuffer.isView(storage) ? new Tensor(this.data.slice(), shape) : this.detach()
    const copy = ArrayBuffer.isView(storage) ? device.from(this.data) : copyOf(device, storage)
    return new Tensor(copy, shape, false, device)
  }

  /**
   * The same values on a device, outside the graph. Whole numbers stay in main memory, where every device reads them.
   * @throws OptionError if the values are on another device, which must be awaited: call `await cpu()` first
   */
  to(device: Device): Tensor {
    return this.detach().to_(device)
  }

  /** The same values in main memory, outside the graph. */
  async cpu(): Promise<Tensor> {
    return this.detach().cpu_()
  }

  override to_(device: Device): this {
    this.grad?.to_(device)
    return super.to_(device)
  }

  override async cpu_(): Promise<this> {
    await this.grad?.cpu_()
    return super.cpu_()
  }

  /** Makes this tensor a leaf that requires a gradient. @throws GradientError for the result of an operation */
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
   * Adds the gradients of this scalar with respect to every leaf that it was made from to their `grad`. Frees the
   * graph: a second call needs a second forward pass.
   * @throws GradientError for anything but a scalar with a graph, and on the second call
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
    const { device } = floatsIn('backward', this)
    const leaves = runBackward(device, this.origin.node, this.origin.output)
    noteReached([...leaves] as Tensor[])
  }

  /** @internal Adds to the gradient of a leaf. */
  accumulateGrad(grad: Storage, owned: boolean): void {
    const { device, gradStorage: sum } = this
    if (sum) addInto(device, sum, grad, owned)
    else this.#ownGrad = owned ? grad : copyOf(device, grad)
  }

  /** The values as nested arrays; a scalar as a number. */
  async toArray(): Promise<NestedNumbers> {
    const values = await this.dataAnywhere()
    const nest = (axis: number, from: number): NestedNumbers => {
      if (axis === this.rank) return values[from]
      const step = sizeOf(this.shape.slice(axis + 1))
      return Array.from({ length: this.shape[axis] }, (_, i) => nest(axis + 1, from + i * step))
    }
    return nest(0, 0)
  }

  /** The values as a plain array, with their shape: what `JSON.stringify` writes, and `loadStateDict` reads. */
  toJSON(): { dtype: DType; shape: Shape; data: number[] } {
    return { dtype: this.dtype, shape: this.shape, data: Array.from(this.data) }
  }

  /** The values and the shape for people to look at. Of an axis longer than 6 it has the first three and the last three. */
  override toString(): string {
    const { shape, shown, dtype, requiresGrad } = this
    const values = typeof shown === 'string' ? shown : textOf(shown, shape)
    const about = [values, `shape ${formatShape(shape)}`, dtype === 'int32' && dtype, requiresGrad && 'requiresGrad']
    return `Tensor(${about.filter(Boolean).join(', ')})`
  }

  /** What the console shows. */
  [inspected](): string {
    return this.toString()
  }

  /** This tensor and another, which must be on its device. */
  #with(where: string, other: unknown): [Value, Value] {
    const value = floatsIn(where, this)
    return [value, floatsIn(where, other, 'the operand', value)]
  }

  #affine(where: string, scale: number, shift: number): Tensor {
    return recordOne([this], elementwise.affine(floatsIn(where, this), scale, shift))
  }
}

/** The values as nested arrays, a row a line: whole numbers exactly, others with five digits. */
function textOf(values: TensorData, shape: Shape, axis = 0, from = 0): string {
  if (axis === shape.length) return String(Number.isInteger(values[from]) ? values[from] : +values[from].toPrecision(5))
  const step = sizeOf(shape.slice(axis + 1))
  const items = Array.from({ length: shape[axis] }, (_, i) => i)
  const item = (i: number) => textOf(values, shape, axis + 1, from + i * step)
  const parts = items.length > 6 ? [...items.slice(0, 3).map(item), '…', ...items.slice(-3).map(item)] : items.map(item)
  const indent = ' '.repeat('Tensor('.length + axis + 1)
  return `[${parts.join(axis === shape.length - 1 ? ', ' : `,\n${indent}`)}]`
}

/** A tensor of whole numbers. */
const fromIndices = ({ data, shape }: Indices): Tensor => new Tensor(data, shape)

export const checkTensor: (where: string, value: unknown, name?: string) => asserts value is Tensor = checkPlaced

/** The tensor of an operation's result, recorded in the graph if an input requires a gradient. */
export function recordOne(inputs: readonly Tensor[], { storage, shape, device, backward }: Result): Tensor {
  const outputs = [{ storage, shape, device }]
  return recordAll(inputs, { outputs, backward: ([dy], wanted) => backward(dy!, wanted) })[0]
}

/** The same for an operation with several outputs. */
export function recordAll(inputs: readonly Tensor[], { outputs, backward }: Results): Tensor[] {
  const results = outputs.map(({ storage, shape, device }) => new Tensor(storage, shape, false, device))
  if (isRecorded(inputs)) {
    const wanted = inputs.map((input) => input.requiresGrad)
    const node = new Node(inputs, (dys) => backward(dys, wanted))
    for (const [output, result] of results.entries()) {
      result.requiresGrad = true
      result.origin = { node, output }
    }
  }
  return results
}

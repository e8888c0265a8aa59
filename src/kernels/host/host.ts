import { fillMask, fillUniform, type RandomKey } from '../../core/counter-random.js'
import { OptionError } from '../../core/errors.js'
import type { FloatArray, Kernels, Normalized, Resident, Storage, UnaryOp, View } from '../../device/device.js'
import { copy } from './copy.js'
import { addScaled, affine, clamp } from './elementwise.js'
import { argmax, pick, put, sumAxis, sumSquares } from './reduce.js'
import { gatherRows, layerNorm, layerNormGrad, logSoftmaxGrad, scatterAddRows, softmaxGrad } from './rows.js'

/** Where values are: in an array, or in the kernels' own memory. */
export type HostStorage = FloatArray | Resident

/** The values as an array, where they are from then on. */
export const arrayOf = (x: HostStorage): FloatArray => ('array' in x ? x.array : x)

/** The operations that each set of kernels implements in its own way. */
type Own = 'name' | 'threads' | 'memoryBytes' | 'binary' | 'matmul' | 'softmax' | 'logSoftmax' | 'recurrent' | 'stepper'

/**
 * The base of all kernels on the CPU: arrays in main memory as storages, and, in plain TypeScript, the operations that
 * are bound by memory rather than arithmetic. Sums run in double precision.
 */
export abstract class HostKernels implements Omit<Kernels, Own> {
  readonly kind = 'cpu'
  readonly readEvery = 1
  reason?: string

  protected constructor(readonly Float: Float32ArrayConstructor | Float64ArrayConstructor) {}

  abstract unary(op: UnaryOp, x: FloatArray, y: FloatArray): void

  owns(x: Storage): x is FloatArray {
    return x instanceof this.Float
  }

  zeros(length: number, where = 'Tensor'): FloatArray {
    try {
      return new this.Float(length)
    } catch {
      throw new OptionError(
        `${where}: a tensor of ${length} values does not fit into memory; use smaller sizes, such as hiddenSize`,
      )
    }
  }

  from(values: ArrayLike<number>): FloatArray {
    const y = this.zeros(values.length)
    y.set(values)
    return y
  }

  keep(x: Storage): Storage {
    return x
  }

  temporary(length: number): Storage {
    return this.zeros(length)
  }

  free(_x: Storage): void {}

  write(values: ArrayLike<number>, y: HostStorage): void {
    this.target(y).set(values)
  }

  async read(x: HostStorage): Promise<FloatArray> {
    return 'copy' in x ? x.copy() : (x.slice() as FloatArray)
  }

  /** The values as an array, for as long as no memory is allocated. */
  protected array(x: HostStorage): FloatArray {
    return arrayOf(x)
  }

  /** The same for values that will be overwritten. */
  protected target(y: HostStorage): FloatArray {
    return this.array(y)
  }

  copy(x: HostStorage, from: View, y: HostStorage, to: View, shape: readonly number[]): void {
    copy(this.array(x), from, this.target(y), to, shape)
  }

  gatherRows(x: HostStorage, rows: Int32Array, y: HostStorage, width: number): void {
    gatherRows(this.array(x), rows, this.target(y), width)
  }

  scatterAddRows(dy: HostStorage, rows: Int32Array, dx: HostStorage, width: number): void {
    scatterAddRows(this.array(dy), rows, this.target(dx), width)
  }

  sumAxis(x: HostStorage, y: HostStorage, outer: number, length: number, inner: number): void {
    sumAxis(this.array(x), this.target(y), outer, length, inner)
  }

  layerNorm(
    x: HostStorage,
    gain: HostStorage,
    bias: HostStorage | undefined,
    kept: Normalized<FloatArray>,
    y: HostStorage,
    eps: number,
  ): void {
    layerNorm(this.array(x), this.array(gain), bias && this.array(bias), kept, this.target(y), eps)
  }

  layerNormGrad(
    dy: HostStorage,
    gain: HostStorage,
    kept: Normalized<FloatArray>,
    dx: FloatArray,
    dgain: FloatArray,
    dbias: FloatArray,
  ): void {
    layerNormGrad(this.array(dy), this.array(gain), kept, dx, dgain, dbias)
  }

  affine(x: HostStorage, scale: number, shift: number, y: HostStorage): void {
    affine(this.array(x), scale, shift, this.target(y))
  }

  scale(x: HostStorage, factor: HostStorage, y: HostStorage): void {
    const [by] = this.array(factor)
    if (by !== 1 || x !== y) this.affine(x, by, 0, y)
  }

  addScaled(alpha: number, x: HostStorage, y: HostStorage): void {
    addScaled(alpha, this.array(x), this.target(y))
  }

  clamp(x: HostStorage, low: number, high: number, y: HostStorage): void {
    clamp(this.array(x), low, high, this.target(y))
  }

  argmax(x: HostStorage, outer: number, length: number, inner: number): Int32Array {
    return argmax(this.array(x), outer, length, inner)
  }

  pick(x: HostStorage, places: Storage, y: HostStorage, _outer: number, length: number, inner: number): void {
    pick(this.array(x), places as Int32Array, this.target(y), length, inner)
  }

  put(dy: HostStorage, places: Storage, dx: HostStorage, _outer: number, length: number, inner: number): void {
    put(this.array(dy), places as Int32Array, this.target(dx), length, inner)
  }

  sumSquares(x: HostStorage, scale: number, y: HostStorage): void {
    this.target(y)[0] = scale * sumSquares(this.array(x))
  }

  softmaxGrad(y: FloatArray, dy: HostStorage, dx: FloatArray, _rows: number, columns: number): void {
    softmaxGrad(y, this.array(dy), dx, columns)
  }

  logSoftmaxGrad(y: FloatArray, dy: HostStorage, dx: FloatArray, _rows: number, columns: number): void {
    this.unary('exp', y, dx)
    logSoftmaxGrad(this.array(dy), dx, columns)
  }

  uniform(key: RandomKey, y: HostStorage): void {
    fillUniform(key, this.target(y))
  }

  mask(key: RandomKey, p: number, value: number, y: HostStorage): void {
    fillMask(key, p, value, this.target(y))
  }
}

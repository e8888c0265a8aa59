import { fillMask, fillUniform, type RandomKey } from '../../core/counter-random.js'
import { OptionError } from '../../core/errors.js'
import type { FloatArray, Kernels, Storage, UnaryOp } from '../../device/device.js'
import { copy } from './copy.js'
import { argmax, pick, put, sumAxis, sumSquares } from './reduce.js'
import { gatherRows, layerNorm, layerNormGrad, logSoftmaxGrad, scatterAddRows, softmaxGrad } from './rows.js'

/** The operations that each set of kernels implements in its own way. */
type Own =
  | 'name'
  | 'threads'
  | 'memoryBytes'
  | 'binary'
  | 'matmul'
  | 'softmax'
  | 'logSoftmax'
  | 'crossEntropy'
  | 'recurrent'
  | 'stepper'

/**
 * The base of all kernels on the CPU: arrays in main memory as storages, and, in plain TypeScript, the operations that
 * are bound by memory rather than arithmetic. Sums run in double precision.
 */
export abstract class HostKernels implements Omit<Kernels, Own> {
  readonly kind = 'cpu'
  readonly readEvery = 1
  reason?: string
  readonly copy = copy
  readonly gatherRows = gatherRows
  readonly scatterAddRows = scatterAddRows
  readonly sumAxis = sumAxis
  readonly layerNorm = layerNorm
  readonly layerNormGrad = layerNormGrad

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

  write(values: ArrayLike<number>, y: FloatArray): void {
    y.set(values)
  }

  async read(x: FloatArray): Promise<FloatArray> {
    return x.slice() as FloatArray
  }

  affine(x: FloatArray, scale: number, shift: number, y: FloatArray): void {
    for (let i = 0; i < x.length; i++) y[i] = scale * x[i] + shift
  }

  scale(x: FloatArray, [factor]: FloatArray, y: FloatArray): void {
    if (factor !== 1 || x !== y) this.affine(x, factor, 0, y)
  }

  addScaled(alpha: number, x: FloatArray, y: FloatArray): void {
    for (let i = 0; i < x.length; i++) y[i] += alpha * x[i]
  }

  clamp(x: FloatArray, low: number, high: number, y: FloatArray): void {
    for (let i = 0; i < x.length; i++) y[i] = Math.max(low, Math.min(high, x[i]))
  }

  argmax(x: FloatArray, outer: number, length: number, inner: number): Int32Array {
    return argmax(x, outer, length, inner)
  }

  pick(x: FloatArray, places: Storage, y: FloatArray, _outer: number, length: number, inner: number): void {
    pick(x, places as Int32Array, y, length, inner)
  }

  put(dy: FloatArray, places: Storage, dx: FloatArray, _outer: number, length: number, inner: number): void {
    put(dy, places as Int32Array, dx, length, inner)
  }

  sumSquares(x: FloatArray, scale: number, y: FloatArray): void {
    y[0] = scale * sumSquares(x)
  }

  clipNorm(xs: readonly FloatArray[], most: number, norm: FloatArray): void {
    const length = Math.sqrt(xs.reduce((sum, x) => sum + sumSquares(x), 0))
    if (length > most) for (const x of xs) this.affine(x, most / length, 0, x)
    norm[0] = length
  }

  softmaxGrad(y: FloatArray, dy: FloatArray, dx: FloatArray, _rows: number, columns: number): void {
    softmaxGrad(y, dy, dx, columns)
  }

  logSoftmaxGrad(y: FloatArray, dy: FloatArray, dx: FloatArray, _rows: number, columns: number): void {
    this.unary('exp', y, dx)
    logSoftmaxGrad(dy, dx, columns)
  }

  uniform(key: RandomKey, y: FloatArray): void {
    fillUniform(key, y)
  }

  mask(key: RandomKey, p: number, value: number, y: FloatArray): void {
    fillMask(key, p, value, y)
  }
}

import type {
  BinaryOp,
  FloatArray,
  Kernels,
  MatmulSizes,
  RecurrentInput,
  RecurrentOutput,
  RecurrentSizes,
  RecurrentTape,
  RecurrentWeights,
  Stack,
  Stepper,
  UnaryOp,
} from '../kernels.js'
import { binary, unary } from './elementwise.js'
import { matmul } from './matmul.js'
import { ReferenceRecurrent } from './recurrent.js'
import { crossEntropy, logSoftmax, softmax } from './softmax.js'
import { ReferenceStepper } from './stepper.js'

/**
 * The kernels in plain TypeScript: what the fast ones are compared with, and, in double precision, what
 * gradients are checked on. Sums run in double precision under either.
 */
export class ReferenceKernels implements Kernels {
  readonly name: string = 'reference'
  readonly Float: Float32ArrayConstructor | Float64ArrayConstructor

  constructor(precision: 'float32' | 'float64' = 'float32') {
    this.Float = precision === 'float64' ? Float64Array : Float32Array
  }

  get threads(): number {
    return 1
  }

  memoryBytes(): number {
    return 0
  }

  unary(op: UnaryOp, x: FloatArray, y: FloatArray): void {
    const f = unary[op]
    for (let i = 0; i < x.length; i++) y[i] = f(x[i])
  }

  binary(op: BinaryOp, a: FloatArray, b: FloatArray, y: FloatArray): void {
    const f = binary[op]
    for (let i = 0; i < a.length; i++) y[i] = f(a[i], b[i])
  }

  affine(x: FloatArray, scale: number, shift: number, y: FloatArray): void {
    for (let i = 0; i < x.length; i++) y[i] = scale * x[i] + shift
  }

  addScaled(alpha: number, x: FloatArray, y: FloatArray): void {
    for (let i = 0; i < x.length; i++) y[i] += alpha * x[i]
  }

  sumSquares(x: FloatArray): number {
    let sum = 0
    for (let i = 0; i < x.length; i++) sum += x[i] * x[i]
    return sum
  }

  matmul(a: FloatArray, b: FloatArray, y: FloatArray, sizes: MatmulSizes): void {
    matmul(a, b, y, sizes)
  }

  sumAxis(x: FloatArray, y: FloatArray, outer: number, length: number, inner: number): void {
    const sums = new Float64Array(inner)
    for (let o = 0; o < outer; o++) {
      sums.fill(0)
      for (let l = 0; l < length; l++) {
        const from = (o * length + l) * inner
        for (let i = 0; i < inner; i++) sums[i] += x[from + i]
      }
      y.set(sums, o * inner)
    }
  }

  softmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
    softmax(x, y, rows, columns)
  }

  logSoftmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
    logSoftmax(x, y, rows, columns)
  }

  crossEntropy(logits: FloatArray, targets: Int32Array, grad: FloatArray, rows: number, columns: number): number {
    return crossEntropy(logits, targets, grad, rows, columns)
  }

  recurrent(
    sizes: RecurrentSizes,
    weights: RecurrentWeights,
    input: RecurrentInput,
    keep: boolean,
  ): { result: RecurrentOutput; tape?: RecurrentTape } {
    const layer = new ReferenceRecurrent(this.Float, sizes, weights, input)
    return { result: layer.forward(), tape: keep ? layer : undefined }
  }

  stepper(stack: Stack, batchSize: number): Stepper {
    return new ReferenceStepper(this, stack, batchSize)
  }
}

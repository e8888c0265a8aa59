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
} from '../../device/device.js'
import { HostKernels } from '../host/host.js'
import { binary, unary } from './elementwise.js'
import { matmul } from './matmul.js'
import { ReferenceRecurrent } from './recurrent.js'
import { logSoftmax, softmax } from './softmax.js'
import { ReferenceStepper } from './stepper.js'

/**
 * The kernels in plain TypeScript: what the fast ones are compared with, and, in double precision, what
 * gradients are checked on. Sums run in double precision under either.
 */
export class ReferenceKernels extends HostKernels implements Kernels {
  readonly name = 'reference'
  readonly threads = 1

  constructor(precision: 'float32' | 'float64' = 'float32') {
    super(precision === 'float64' ? Float64Array : Float32Array)
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

  matmul(a: FloatArray, b: FloatArray, y: FloatArray, sizes: MatmulSizes): void {
    matmul(a, b, y, sizes)
  }

  softmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
    softmax(x, y, rows, columns)
  }

  logSoftmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
    logSoftmax(x, y, rows, columns)
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

import { type RandomKey, thresholdOf } from '../../core/counter-random.js'
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
import { type Engine, type EngineOptions, loadEngine } from './compile.js'
import { matmul } from './matmul.js'
import { RecurrentPass } from './recurrent.js'
import { WasmStepper } from './stepper.js'
import { Tapes } from './tapes.js'

/** A library of matrix products to use instead of the WebAssembly ones. */
export interface Products extends NonNullable<EngineOptions['blas']> {
  readonly name: string
  sgemm(a: Float32Array, b: Float32Array, y: Float32Array, sizes: MatmulSizes): void
}

/**
 * The kernels in WebAssembly, with their own matrix products or those of a library. Tensors stay in the
 * garbage-collected heap: operations that are worth the copy go to the linear memory and back; those that are bound by
 * memory rather than arithmetic run on the heap.
 */
export class WasmKernels extends HostKernels implements Kernels {
  readonly name: string
  readonly #engine: Engine
  readonly #tapes: Tapes
  readonly #products: Products | undefined

  constructor(options?: Omit<EngineOptions, 'blas'>, products?: Products) {
    super(Float32Array)
    this.#engine = loadEngine({ ...options, blas: products })
    this.#tapes = new Tapes(this.#engine.memory)
    this.#products = products
    this.name = products ? `blas-${products.name.toLowerCase()}` : `wasm-${this.#engine.simd}`
  }

  get threads(): number {
    return this.#engine.shape.threads
  }

  memoryBytes(): number {
    return this.#engine.memory.bytes
  }

  unary(op: UnaryOp, x: FloatArray, y: FloatArray): void {
    const { code, memory } = this.#engine
    if (op === 'sign') {
      for (let i = 0; i < x.length; i++) y[i] = Math.sign(x[i])
      return
    }
    memory.scope((allocate) => {
      // In place, in whole vectors: the last one may reach three values beyond the end, for which there is room.
      const address = allocate(x.length + 3)
      memory.write(address, x)
      code[op](address, address, x.length)
      memory.copyOut(address, y)
    })
  }

  binary(op: BinaryOp, a: FloatArray, b: FloatArray, y: FloatArray): void {
    const { code, memory } = this.#engine
    memory.scope((allocate) => {
      const left = allocate(a.length + 3)
      const right = allocate(b.length + 3)
      memory.write(left, a)
      memory.write(right, b)
      code[op](left, right, left, a.length)
      memory.copyOut(left, y)
    })
  }

  matmul(a: FloatArray, b: FloatArray, y: FloatArray, sizes: MatmulSizes): void {
    const library = this.#products
    // The library reads and writes bytes, whatever they stand for; WebAssembly's kernels convert what they copy.
    if (library && isSingle(a) && isSingle(b) && isSingle(y)) library.sgemm(a, b, y, sizes)
    else matmul(this.#engine, a, b, y, sizes)
  }

  softmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
    this.#byRows('softmax', x, y, rows, columns)
  }

  logSoftmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
    this.#byRows('logSoftmax', x, y, rows, columns)
  }

  crossEntropy(
    logits: FloatArray,
    targets: Int32Array,
    loss: FloatArray,
    grad: FloatArray,
    rows: number,
    columns: number,
  ): void {
    const { code, memory } = this.#engine
    memory.scope((allocate) => {
      const x = allocate(logits.length)
      const labels = allocate(rows)
      const dx = allocate(logits.length)
      memory.write(x, logits)
      memory.write(labels, targets)
      loss[0] = code.crossEntropy(x, labels, dx, rows, columns)
      memory.copyOut(dx, grad)
    })
  }

  override uniform([k0, k1]: RandomKey, y: FloatArray): void {
    this.#random(y, (address) => this.#engine.code.uniform(k0, k1, address, y.length))
  }

  override mask([k0, k1]: RandomKey, p: number, value: number, y: FloatArray): void {
    this.#random(y, (address) => this.#engine.code.mask(k0, k1, thresholdOf(p), value, address, y.length))
  }

  recurrent(
    sizes: RecurrentSizes,
    weights: RecurrentWeights,
    input: RecurrentInput,
    keep: boolean,
  ): { result: RecurrentOutput; tape?: RecurrentTape } {
    const pass = new RecurrentPass(this.#engine, sizes, weights, input.input)
    const result = pass.forward(input, keep ? this.#tapes : undefined)
    return { result, tape: keep ? pass : undefined }
  }

  stepper(stack: Stack, batchSize: number): Stepper {
    return new WasmStepper(this.#engine, stack, batchSize)
  }

  /** Makes random numbers eight at a time: the last ones may reach seven values beyond the end, for which there is room. */
  #random(y: FloatArray, make: (address: number) => void): void {
    const { memory } = this.#engine
    memory.scope((allocate) => {
      const address = allocate(y.length + 7)
      make(address)
      memory.copyOut(address, y)
    })
  }

  #byRows(kernel: 'softmax' | 'logSoftmax', x: FloatArray, y: FloatArray, rows: number, columns: number): void {
    const { code, memory } = this.#engine
    memory.scope((allocate) => {
      const from = allocate(x.length)
      const to = allocate(x.length)
      memory.write(from, x)
      code[kernel](from, to, rows, columns)
      memory.copyOut(to, y)
    })
  }
}

const isSingle = (array: FloatArray): array is Float32Array => array instanceof Float32Array

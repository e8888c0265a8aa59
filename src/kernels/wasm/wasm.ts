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
  Storage,
  UnaryOp,
} from '../../device/device.js'
import { HostKernels, type HostStorage } from '../host/host.js'
import { type Engine, type EngineOptions, loadEngine } from './compile.js'
import { matmul } from './matmul.js'
import { RecurrentPass } from './recurrent.js'
import { addressIn, arrayIn, ResidentValues, residentIn, settle } from './resident.js'
import { WasmStepper } from './stepper.js'
import { Tapes } from './tapes.js'

/** A library of matrix products to use instead of the WebAssembly ones. */
export interface Products extends NonNullable<EngineOptions['blas']> {
  readonly name: string
  sgemm(a: Float32Array, b: Float32Array, y: Float32Array, sizes: MatmulSizes): void
}

/**
 * The kernels in WebAssembly, with their own matrix products or those of a library. What lives long (parameters, their
 * gradients, and the values of optimizers) is resident in the linear memory. Other tensors stay in the garbage-collected
 * heap: operations that are worth the copy go to the linear memory and back; those that are bound by memory rather than
 * arithmetic run on the heap.
 */
export class WasmKernels extends HostKernels implements Kernels {
  readonly name: string
  /** For the operations that only some programs need. */
  readonly engine: Engine
  readonly tapes: Tapes
  readonly #products: Products | undefined

  constructor(options?: Omit<EngineOptions, 'blas'>, products?: Products) {
    super(Float32Array)
    this.engine = loadEngine({ ...options, blas: products })
    this.tapes = new Tapes(this.engine.memory)
    this.#products = products
    this.name = products ? `blas-${products.name.toLowerCase()}` : `wasm-${this.engine.simd}`
  }

  get threads(): number {
    return this.engine.shape.threads
  }

  memoryBytes(): number {
    return this.engine.memory.bytes
  }

  override owns(x: Storage): x is FloatArray {
    return super.owns(x) || residentIn(this.engine.memory, x) !== undefined
  }

  override keep(x: Storage): Storage {
    const { residents } = this.engine
    if (x instanceof ResidentValues) {
      x.moveTo(residents)
      return x
    }
    const kept = residents.make(x.length, 'kept')
    if (kept) this.write(x as FloatArray, kept)
    return kept ?? x
  }

  override temporary(length: number): Storage {
    return this.engine.residents.make(length, 'temporary') ?? this.zeros(length)
  }

  override free(x: Storage): void {
    residentIn(this.engine.memory, x)?.free()
  }

  protected override array(x: HostStorage): FloatArray {
    return arrayIn(this.engine.memory, x)
  }

  protected override target(y: HostStorage): FloatArray {
    if (y instanceof ResidentValues) y.changed()
    return this.array(y)
  }

  unary(op: UnaryOp, x: HostStorage, y: HostStorage): void {
    const { code, memory } = this.engine
    if (op === 'sign') {
      const [from, to] = [this.array(x), this.target(y)]
      for (let i = 0; i < from.length; i++) to[i] = Math.sign(from[i])
      return
    }
    memory.scope((allocate) => {
      // In place, in whole vectors: the last one may reach three values beyond the end, for which there is room.
      const address = allocate(x.length + 3)
      memory.write(address, this.array(x))
      code[op](address, address, x.length)
      memory.copyOut(address, this.target(y))
    })
  }

  binary(op: BinaryOp, a: HostStorage, b: HostStorage, y: HostStorage): void {
    const { code, memory } = this.engine
    memory.scope((allocate) => {
      const left = allocate(a.length + 3)
      const right = allocate(b.length + 3)
      memory.write(left, this.array(a))
      memory.write(right, this.array(b))
      code[op](left, right, left, a.length)
      memory.copyOut(left, this.target(y))
    })
  }

  override addScaled(alpha: number, x: HostStorage, y: HostStorage): void {
    const { code, memory } = this.engine
    const [from, to] = [addressIn(memory, x), addressIn(memory, y)]
    if (alpha !== 1 || from === undefined || to === undefined) super.addScaled(alpha, x, y)
    else {
      code.add(from, to, to, x.length)
      settle(memory, to, y)
    }
  }

  matmul(a: HostStorage, b: HostStorage, y: HostStorage, sizes: MatmulSizes): void {
    const library = this.#products
    // The library reads and writes bytes, whatever they stand for; WebAssembly's kernels convert what they copy.
    const [left, right] = library ? [outside(a), outside(b)] : [a, b]
    if (library && isSingle(left) && isSingle(right) && !(y instanceof Float64Array)) {
      const product = isSingle(y) ? y : new Float32Array(y.length)
      library.sgemm(left, right, product, sizes)
      if (product !== y) this.write(product, y)
    } else matmul(this.engine, a, b, y, sizes)
  }

  softmax(x: HostStorage, y: HostStorage, rows: number, columns: number): void {
    this.#byRows('softmax', x, y, rows, columns)
  }

  logSoftmax(x: HostStorage, y: HostStorage, rows: number, columns: number): void {
    this.#byRows('logSoftmax', x, y, rows, columns)
  }

  override uniform([k0, k1]: RandomKey, y: HostStorage): void {
    this.#random(y, (address) => this.engine.code.uniform(k0, k1, address, y.length))
  }

  override mask([k0, k1]: RandomKey, p: number, value: number, y: HostStorage): void {
    this.#random(y, (address) => this.engine.code.mask(k0, k1, thresholdOf(p), value, address, y.length))
  }

  recurrent(
    sizes: RecurrentSizes,
    weights: RecurrentWeights<HostStorage>,
    input: RecurrentInput<HostStorage>,
    keep: boolean,
  ): { result: RecurrentOutput; tape?: RecurrentTape } {
    const pass = new RecurrentPass(this.engine, sizes, weights, input.input)
    const result = pass.forward(input, keep ? this.tapes : undefined)
    // Gradients of arrays are arrays, and only this device sees residents.
    return { result, tape: keep ? (pass as RecurrentTape) : undefined }
  }

  stepper(stack: Stack<HostStorage>, batchSize: number): Stepper {
    return new WasmStepper(this.engine, stack, batchSize)
  }

  /** Makes random numbers eight at a time: the last ones may reach seven values beyond the end, for which there is room. */
  #random(y: HostStorage, make: (address: number) => void): void {
    const { memory } = this.engine
    memory.scope((allocate) => {
      const address = allocate(y.length + 7)
      make(address)
      memory.copyOut(address, this.target(y))
    })
  }

  #byRows(kernel: 'softmax' | 'logSoftmax', x: HostStorage, y: HostStorage, rows: number, columns: number): void {
    const { code, memory } = this.engine
    memory.scope((allocate) => {
      const from = allocate(x.length)
      const to = allocate(x.length)
      memory.write(from, this.array(x))
      code[kernel](from, to, rows, columns)
      memory.copyOut(to, this.target(y))
    })
  }
}

const isSingle = (array: HostStorage): array is Float32Array => array instanceof Float32Array

/** An array with the values of a resident, for a library that does not know the memory. */
const outside = (x: HostStorage): HostStorage => (x instanceof ResidentValues ? x.mirror : x)

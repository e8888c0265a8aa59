import type {
  BinaryOp,
  FloatArray,
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
import { ReferenceKernels } from '../reference/reference.js'
import { matmul } from './matmul.js'
import { type Engine, type EngineOptions, loadEngine } from './module.js'
import { RecurrentPass } from './recurrent.js'
import { WasmStepper } from './stepper.js'
import { Tapes } from './tapes.js'

/**
 * The kernels in WebAssembly. Tensors stay in the garbage-collected heap: what is worth the copy goes into
 * the linear memory and back; the rest (sums and scalings, bound by memory, not arithmetic) is done where it
 * lies, by the plain-TypeScript twin.
 */
export class WasmKernels extends ReferenceKernels {
  override readonly name: string
  readonly #engine: Engine
  readonly #tapes: Tapes

  constructor(options?: EngineOptions) {
    super('float32')
    this.#engine = loadEngine(options)
    this.#tapes = new Tapes(this.#engine.memory)
    this.name = `wasm-${this.#engine.simd}`
  }

  override get threads(): number {
    return this.#engine.shape.threads
  }

  override memoryBytes(): number {
    return this.#engine.memory.bytes
  }

  override unary(op: UnaryOp, x: FloatArray, y: FloatArray): void {
    const { code, memory } = this.#engine
    memory.scope((allocate) => {
      // In place, in whole vectors: the last one may run into the room for three more values.
      const address = allocate(x.length + 3)
      memory.write(address, x)
      code[op](address, address, x.length)
      memory.copyOut(address, y)
    })
  }

  override binary(op: BinaryOp, a: FloatArray, b: FloatArray, y: FloatArray): void {
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

  override matmul(a: FloatArray, b: FloatArray, y: FloatArray, sizes: MatmulSizes): void {
    matmul(this.#engine, a, b, y, sizes)
  }

  override softmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
    this.#byRows('softmax', x, y, rows, columns)
  }

  override logSoftmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
    this.#byRows('logSoftmax', x, y, rows, columns)
  }

  override crossEntropy(
    logits: FloatArray,
    targets: Int32Array,
    grad: FloatArray,
    rows: number,
    columns: number,
  ): number {
    const { code, memory } = this.#engine
    return memory.scope((allocate) => {
      const x = allocate(logits.length)
      const labels = allocate(rows)
      const dx = allocate(logits.length)
      memory.write(x, logits)
      memory.write(labels, targets)
      const loss = code.crossEntropy(x, labels, dx, rows, columns)
      memory.copyOut(dx, grad)
      return loss
    })
  }

  override recurrent(
    sizes: RecurrentSizes,
    weights: RecurrentWeights,
    input: RecurrentInput,
    keep: boolean,
  ): { result: RecurrentOutput; tape?: RecurrentTape } {
    const pass = new RecurrentPass(this.#engine, sizes, weights, input.input)
    const result = pass.forward(input, keep ? this.#tapes : undefined)
    return { result, tape: keep ? pass : undefined }
  }

  override stepper(stack: Stack, batchSize: number): Stepper {
    return new WasmStepper(this.#engine, stack, batchSize)
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

import type { FloatArray, MatmulSizes } from '../kernels.js'
import { roundUp } from '../wasm/layout.js'
import type { Allocate } from '../wasm/memory.js'
import type { Engine } from '../wasm/module.js'
import type { Operand, Products } from '../wasm/products.js'
import { WasmKernels } from '../wasm/wasm.js'
import type { Blas, Product } from './library.js'

/** The products of a recurrent layer from the system's BLAS, on the kernels' memory; a panel is a whole matrix. */
class BlasProducts implements Products {
  constructor(
    readonly engine: Engine,
    readonly blas: Blas,
  ) {}

  width(columns: number): number {
    return columns
  }

  rows(batchSize: number): number {
    return batchSize
  }

  pack(allocate: Allocate, raw: number, rows: number, columns: number): Operand {
    const { code, memory } = this.engine
    const [units, features] = [roundUp(rows, 8), roundUp(columns, 8)]
    const address = allocate(units * features)
    memory.zero(address, units * features)
    code.pack(raw, rows, columns, address, units, features)
    return { address, units, features }
  }

  forward(x: number, { address, units, features }: Operand, y: number, rows: number): void {
    const product = { m: rows, n: units, k: features, transposeB: true, lda: features, ldb: features }
    this.#multiply(x, address, y, product)
  }

  backward(dy: number, { address, units, features }: Operand, dx: number, rows: number): void {
    this.#multiply(dy, address, dx, { m: rows, n: features, k: units, lda: units, ldb: features })
  }

  gradient(dy: number, x: number, { address, units, features }: Operand, steps: number, rows: number): void {
    const product = { m: units, n: features, k: steps * rows, transposeA: true, lda: units, ldb: features }
    this.#multiply(dy, x, address, product)
  }

  #multiply(a: number, b: number, c: number, product: Omit<Product, 'beta'>): void {
    const { m, n, k } = product
    const at = (address: number, length: number) => {
      const from = address / 4
      return this.engine.memory.floats.subarray(from, from + length)
    }
    this.blas.sgemm(at(a, m * k), at(b, k * n), at(c, m * n), { ...product, beta: 1 })
  }
}

/** The WebAssembly kernels with their matrix products handed to the system's BLAS. */
export class BlasKernels extends WasmKernels {
  override readonly name: string
  readonly #blas: Blas

  constructor(blas: Blas) {
    super(undefined, (engine) => new BlasProducts(engine, blas))
    this.#blas = blas
    this.name = `blas-${blas.name.toLowerCase()}`
  }

  override matmul(a: FloatArray, b: FloatArray, y: FloatArray, sizes: MatmulSizes): void {
    const { m, n, k, transposeA, transposeB } = sizes
    const [lda, ldb] = [transposeA ? m : k, transposeB ? k : n]
    const product = { m, n, k, transposeA, transposeB, lda, ldb, beta: 0 } as const
    this.#blas.sgemm(a as Float32Array, b as Float32Array, y as Float32Array, product)
  }
}

import type { FloatArray, MatmulSizes } from '../kernels.js'
import { WasmKernels } from '../wasm/wasm.js'
import type { Blas } from './library.js'

/** The WebAssembly kernels with their matrix products handed to the system's BLAS. */
export class BlasKernels extends WasmKernels {
  override readonly name: string
  readonly #blas: Blas

  constructor(blas: Blas, threads?: number) {
    super({ threads, blas })
    this.#blas = blas
    this.name = `blas-${blas.name.toLowerCase()}`
  }

  override matmul(a: FloatArray, b: FloatArray, y: FloatArray, sizes: MatmulSizes): void {
    // The library reads and writes bytes, whatever they stand for; WebAssembly's kernels convert what they copy.
    if ([a, b, y].every(isSingle)) this.#blas.sgemm(a as Float32Array, b as Float32Array, y as Float32Array, sizes)
    else super.matmul(a, b, y, sizes)
  }
}

const isSingle = (array: FloatArray): boolean => array instanceof Float32Array

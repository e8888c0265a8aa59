import { BlasKernels } from './blas/blas.js'
import { findBlas } from './blas/library.js'
import type { Kernels } from './kernels.js'
import { ReferenceKernels } from './reference/reference.js'
import type { Simd } from './wasm/module.js'
import { WasmKernels } from './wasm/wasm.js'

let current: Kernels | undefined

/** The kernels in use. At the first call the fastest that the platform has are made ready. */
export function kernels(): Kernels {
  current ??= blasKernels() ?? wasmKernels()
  return current
}

/** Uses other kernels from now on. Tensors of another precision than theirs must not be mixed in. */
export function useKernels(kernels: Kernels): void {
  current = kernels
}

/** The kernels in plain TypeScript, in single or double precision: exact and slow. */
export function referenceKernels(precision: 'float32' | 'float64' = 'float32'): Kernels {
  return new ReferenceKernels(precision)
}

/** The kernels in WebAssembly, with relaxed SIMD (fused multiply-add) where the engine has it. */
export function wasmKernels(simd?: Simd): Kernels {
  return new WasmKernels(simd)
}

/** The WebAssembly kernels with matrix products from the system's BLAS; undefined where there is none. */
export function blasKernels(): Kernels | undefined {
  const blas = findBlas()
  return blas && new BlasKernels(blas)
}

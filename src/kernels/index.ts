import { checkWhole, checkWord } from '../core/check.js'
import { OptionError } from '../core/errors.js'
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

/**
 * The WebAssembly kernels with matrix products from the system's BLAS; undefined where there is none.
 * @param options.threads for the products. Default: those of the machine, up to 4
 */
export function blasKernels({ threads }: { threads?: number } = {}): Kernels | undefined {
  if (threads !== undefined) checkWhole('blasKernels', 'threads', threads)
  const blas = findBlas(threads)
  return blas && new BlasKernels(blas)
}

/** Words for kernels, as on the command line. */
export const kernelNames = ['auto', 'wasm', 'blas', 'reference'] as const
export type KernelName = (typeof kernelNames)[number]

/** Uses the kernels of that name from now on. @throws OptionError for `blas` where there is none */
export function selectKernels(name: KernelName): void {
  checkWord('selectKernels', 'kernels', name, kernelNames)
  if (name === 'auto') current = undefined
  else if (name === 'wasm') current = wasmKernels()
  else if (name === 'reference') current = referenceKernels()
  else {
    const blas = blasKernels()
    if (!blas) {
      throw new OptionError(
        'selectKernels: no BLAS was found; install OpenBLAS (Debian: apt-get install libopenblas0) and the npm package koffi, or use wasm',
      )
    }
    current = blas
  }
}

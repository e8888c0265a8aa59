import { referenceKernels, wasmKernels } from '../src/kernels/index.js'
import type { Kernels } from '../src/kernels/kernels.js'

/** Every implementation of the kernels in single precision, for tests that each of them must pass. */
export const kernelSets: Kernels[] = [wasmKernels('relaxed-simd'), wasmKernels('simd'), referenceKernels()]

import { inject } from 'vitest'
import { findGpu, platform } from '#platform'
import type { Device, Kernels } from '../src/device/device.js'
import { blasKernels, referenceKernels, wasmKernels } from '../src/kernels/index.js'
import { acquire } from '../src/kernels/webgpu/adapter.js'
import { Gpu } from '../src/kernels/webgpu/gpu.js'
import { WebGpuDevice } from '../src/kernels/webgpu/webgpu.js'
import { opaqueDevice } from './opaque-device.js'

/** Every implementation of the kernels in single precision, for tests that each of them must pass. */
export const kernelSets: Kernels[] = [
  wasmKernels({ simd: 'relaxed-simd', threads: 2 }),
  wasmKernels({ simd: 'simd', threads: 1 }),
  referenceKernels(),
]

// The kernels for vectors of 256 bits have the same bits where an engine does not merge vectors: it is only slower.
if (platform.kernels) kernelSets.unshift(wasmKernels({ simd: 'simd-256', threads: 2 }))

const blas = blasKernels({ threads: 2 })
if (blas) kernelSets.push(blas)
else console.log('no BLAS on this machine: its kernels are not tested')

/**
 * All of these and a device whose numbers must be read: everything that computes with tensors must work on each. In the
 * project `webgpu` of vitest.config.ts it is the GPU alone, which has a process of its own.
 */
export const devices: Device[] = inject('webgpu')
  ? // One of its own, because tests of WebGPU itself destroy theirs.
    [new WebGpuDevice(new Gpu(await acquire(await findGpu(), true))) as Device]
  : [...kernelSets, opaqueDevice(wasmKernels({ threads: 1 }), 3), opaqueDevice(referenceKernels(), 5)]

/** The error that is allowed beside PyTorch's values: GPUs compute functions with fewer digits. */
export const precisionOf = ({ kind }: Device): number => (kind === 'webgpu' ? 1e-4 : 1e-5)

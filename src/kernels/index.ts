import { platform } from '#platform'
import { checkArgument, checkMethods, checkWhole, checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import type { Kernels } from '../device/device.js'
import { ReferenceKernels } from './reference/reference.js'
import { type Simd, simds } from './wasm/exports.js'
import { WasmKernels } from './wasm/wasm.js'

let current: Kernels | undefined

/** The kernels in use. The first call prepares the fastest that the platform has. */
export function kernels(): Kernels {
  current ??= fastestKernels()
  return current
}

/**
 * Terminating a thread that loads a BLAS, or whose workers do, aborts the whole process (src/platform/node/gate.ts). A thread
 * that may be terminated therefore has one only if the program asks for it.
 */
function fastestKernels(options?: ThreadOptions): Kernels {
  return (platform.mayBeTerminated() ? undefined : blasKernels(options)) ?? wasmKernels(options)
}

/**
 * Switches to other kernels. New tensors have their precision; operations refuse tensors of another precision, which `clone()` converts (and `newModel.loadStateDict(model.stateDict())` the parameters of a model).
 */
export function useKernels(kernels: Kernels): void {
  const expected = 'kernels such as wasmKernels(); setDefaultDevice takes a GPU'
  checkMethods('useKernels', 'the argument', kernels, ['stepper', 'sumSquares'], expected)
  checkArgument('useKernels', 'the argument', kernels, kernels.kind === 'cpu', expected)
  current = kernels
}

/** The kernels in plain TypeScript, in single or double precision: exact and slow. @throws OptionError for another word */
export function referenceKernels(precision: 'float32' | 'float64' = 'float32'): Kernels {
  checkWord('referenceKernels', 'precision', precision, ['float32', 'float64'])
  return new ReferenceKernels(precision)
}

/** How many threads kernels use. */
export interface ThreadOptions {
  /** Threads that recurrent layers are computed on. Default: those of the machine, up to 8. */
  threads?: number
}

const threadOptions: OptionKinds<ThreadOptions> = { threads: 'any' }
const wasmOptions: OptionKinds<Parameters<typeof wasmKernels>[0] & {}> = { threads: 'any', simd: 'any' }

/**
 * The kernels in WebAssembly, with the widest vectors of the engine: of 256 bits in Node 24 and later on x86-64 with AVX2,
 * and otherwise of 128 bits, with relaxed SIMD (fused multiply-add) where the engine has it. `simd`, or the environment
 * variable UNROLLED_SIMD, chooses others; 256 bits and relaxed SIMD give the same bits.
 * @throws OptionError where threads is no whole number from 1 to 256
 */
export function wasmKernels(options: ThreadOptions & { simd?: Simd } = {}): Kernels {
  checkOptions('wasmKernels', options, wasmOptions)
  checkThreads('wasmKernels', options)
  if (options.simd !== undefined) checkWord('wasmKernels', 'simd', options.simd, simds)
  return new WasmKernels(options)
}

/**
 * The WebAssembly kernels with matrix products from the system's BLAS; undefined if the system has none.
 * @throws OptionError where threads is no whole number from 1 to 256
 */
export function blasKernels(options: ThreadOptions = {}): Kernels | undefined {
  checkOptions('blasKernels', options, threadOptions)
  checkThreads('blasKernels', options)
  const blas = platform.findBlas()
  return blas && new WasmKernels(options, blas)
}

/** More would help nobody, and the system would refuse many of them. */
const MOST_THREADS = 256

function checkThreads(where: string, { threads }: ThreadOptions): void {
  if (threads !== undefined) checkWhole(where, 'threads', threads, 1, MOST_THREADS)
}

/** Names of kernels, as on the command line. */
export const kernelNames = ['auto', 'wasm', 'blas', 'reference'] as const
/** A name of kernels. */
export type KernelName = (typeof kernelNames)[number]

/** Switches to the kernels of that name. @throws OptionError for `blas` if the system has none, and the errors of the kernels */
export function selectKernels(name: KernelName, options: ThreadOptions = {}): void {
  checkWord('selectKernels', 'kernels', name, kernelNames)
  checkOptions('selectKernels', options, threadOptions)
  checkThreads('selectKernels', options)
  if (name === 'reference') current = referenceKernels()
  else if (name === 'wasm') current = wasmKernels(options)
  else if (name === 'auto') current = fastestKernels(options)
  else {
    const blas = blasKernels(options)
    if (!blas) {
      throw new OptionError(
        'selectKernels: no BLAS was found; install OpenBLAS (Debian: apt-get install libopenblas0) and the npm package koffi, or use wasm',
      )
    }
    current = blas
  }
}

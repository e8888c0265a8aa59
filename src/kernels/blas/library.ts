import { installedFile } from '../../core/installed.js'
import { nodeThreads } from '../wasm/pool.js'
import { type BlasFiles, bindSgemm, type Koffi, PLAIN, prototype, ROW_MAJOR, type Sgemm, TRANSPOSED } from './sgemm.js'

/** C[m, n] = op(A)[m, k] · op(B)[k, n], all row-major; A is stored as [k, m] and B as [n, k] on demand. */
export interface Product {
  m: number
  n: number
  k: number
  transposeA?: boolean
  transposeB?: boolean
}

/** The system's library of matrix products. */
export interface Blas {
  /** As people know it: `OpenBLAS`, `Accelerate`. */
  readonly name: string
  readonly files: BlasFiles
  sgemm(a: Float32Array, b: Float32Array, c: Float32Array, product: Product): void
  /** Products of matrices in a memory. */
  bind(memory: WebAssembly.Memory): Sgemm
}

const places: Record<string, { name: string; files: readonly string[] }> = {
  linux: { name: 'OpenBLAS', files: ['libopenblas.so.0', 'libopenblas.so'] },
  darwin: { name: 'Accelerate', files: ['/System/Library/Frameworks/Accelerate.framework/Accelerate'] },
  win32: { name: 'OpenBLAS', files: ['libopenblas.dll', 'openblas.dll'] },
}

/**
 * The system's BLAS, through the optional dependency koffi; undefined where either is missing, and on every
 * platform but Node. It computes on the thread that calls it: the threads are the kernels' own.
 */
export function findBlas(): Blas | undefined {
  const { process } = globalThis as { process?: NodeJS.Process }
  const place = places[process?.platform ?? '']
  const modules = process?.getBuiltinModule?.('node:module')
  const entry = installedFile('koffi')
  if (!place || !modules || !entry || !nodeThreads()) return undefined
  try {
    const koffi = modules.createRequire(entry)(entry) as Koffi
    const file = place.files.find((name) => loads(koffi, name))
    if (!file) return undefined
    const library = koffi.load(file)
    if (place.name === 'OpenBLAS') library.func('void openblas_set_num_threads(int)')(1)
    const cblas = library.func(prototype('void*'))
    return {
      name: place.name,
      files: { library: file, koffi: entry },
      sgemm: (a, b, c, { m, n, k, transposeA, transposeB }) => {
        const [ta, tb] = [transposeA ? TRANSPOSED : PLAIN, transposeB ? TRANSPOSED : PLAIN]
        cblas(ROW_MAJOR, ta, tb, m, n, k, 1, a, transposeA ? m : k, b, transposeB ? k : n, 0, c, n)
      },
      bind: (memory) => bindSgemm(koffi, file, memory),
    }
  } catch {
    return undefined
  }
}

/** Whether a library of this name is installed. */
function loads(koffi: Koffi, file: string): boolean {
  try {
    koffi.load(file)
    return true
  } catch {
    return false
  }
}

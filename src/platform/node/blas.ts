import { createRequire } from 'node:module'
import type { Blas } from '../platform.js'
import { installedFile } from './installed.js'
import { bindSgemm, type Koffi, PLAIN, prototype, ROW_MAJOR, TRANSPOSED } from './sgemm.js'
import { hasThreads } from './threads.js'

const places: Record<string, { name: string; files: readonly string[] }> = {
  linux: { name: 'OpenBLAS', files: ['libopenblas.so.0', 'libopenblas.so'] },
  darwin: { name: 'Accelerate', files: ['/System/Library/Frameworks/Accelerate.framework/Accelerate'] },
  win32: { name: 'OpenBLAS', files: ['libopenblas.dll', 'openblas.dll'] },
}

/**
 * The system's BLAS, through the optional dependency koffi; undefined if either is missing. It computes on the calling
 * thread, because the kernels have threads of their own.
 */
export function findBlas(): Blas | undefined {
  const place = places[process.platform]
  const entry = installedFile('koffi')
  if (!place || !entry || !hasThreads()) return undefined
  try {
    const koffi = createRequire(entry)(entry) as Koffi
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

/** Whether a library of this name can be loaded. */
function loads(koffi: Koffi, file: string): boolean {
  try {
    koffi.load(file)
    return true
  } catch {
    return false
  }
}

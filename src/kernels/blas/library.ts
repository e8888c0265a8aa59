/** Row-major, transposed or not, as cblas.h numbers them. */
const ROW_MAJOR = 101
const PLAIN = 111
const TRANSPOSED = 112

/** C[m, n] = op(A)[m, k] · op(B)[k, n] + beta · C, all row-major; `ld…` are the lengths of rows as stored. */
export interface Product {
  m: number
  n: number
  k: number
  transposeA?: boolean
  transposeB?: boolean
  lda: number
  ldb: number
  beta: 0 | 1
}

/** The system's library of matrix products. */
export interface Blas {
  /** As people know it: `OpenBLAS`, `Accelerate`. */
  readonly name: string
  sgemm(a: Float32Array, b: Float32Array, c: Float32Array, product: Product): void
}

type Foreign = (...args: unknown[]) => unknown
interface Library {
  func(prototype: string): Foreign
}

const places: Record<string, { name: string; files: readonly string[] }> = {
  linux: { name: 'OpenBLAS', files: ['libopenblas.so.0', 'libopenblas.so'] },
  darwin: { name: 'Accelerate', files: ['/System/Library/Frameworks/Accelerate.framework/Accelerate'] },
  win32: { name: 'OpenBLAS', files: ['libopenblas.dll', 'openblas.dll'] },
}

const PROTOTYPE =
  'void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, void* a, int lda, void* b, int ldb, float beta, void* c, int ldc)'

/** More threads than this lose on the small products of one time step what they win on the large ones. */
const MOST_THREADS = 4

/**
 * The system's BLAS, through the optional dependency koffi; undefined where either is missing, and on every
 * platform but Node.
 * @param threads of its own that the library may use; Accelerate decides by itself
 */
export function findBlas(threads?: number): Blas | undefined {
  const { process } = globalThis as { process?: NodeJS.Process }
  const place = places[process?.platform ?? '']
  const modules = process?.getBuiltinModule?.('node:module')
  if (!place || !modules) return undefined
  try {
    const koffi = modules.createRequire(import.meta.url)('koffi') as { load(file: string): Library }
    const library = firstThatLoads(koffi, place.files)
    if (!library) return undefined
    const cblas = library.func(PROTOTYPE)
    const cores = process?.getBuiltinModule('node:os').availableParallelism() ?? 1
    if (place.name === 'OpenBLAS') {
      library.func('void openblas_set_num_threads(int)')(threads ?? Math.min(cores, MOST_THREADS))
    }
    return { name: place.name, sgemm: (a, b, c, product) => sgemm(cblas, a, b, c, product) }
  } catch {
    return undefined
  }
}

function firstThatLoads(koffi: { load(file: string): Library }, files: readonly string[]): Library | undefined {
  for (const file of files) {
    try {
      return koffi.load(file)
    } catch {
      // Not installed under this name; the next may be.
    }
  }
  return undefined
}

function sgemm(cblas: Foreign, a: Float32Array, b: Float32Array, c: Float32Array, product: Product): void {
  const { m, n, k, transposeA, transposeB, lda, ldb, beta } = product
  const [ta, tb] = [transposeA ? TRANSPOSED : PLAIN, transposeB ? TRANSPOSED : PLAIN]
  cblas(ROW_MAJOR, ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, n)
}

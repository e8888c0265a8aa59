import type { Sgemm } from '../platform.js'

/** The numbers in cblas.h for row-major, transposed and not transposed. */
export const ROW_MAJOR = 101
export const PLAIN = 111
export const TRANSPOSED = 112

/**
 * OpenBLAS copies the operands of a product into panels before it multiplies, unless there are at most so many
 * multiply-adds and its kernels are for vectors of 512 bits (sgemm_small_kernel_permit_skylakex.c). For the few columns of
 * a time step, the copies take as long as the product.
 */
const SMALL = 1e6
const UNPACKED = ['SkylakeX', 'Cooperlake', 'SapphireRapids']

/** Columns up to which a product is cut into small ones, with so many rows, columns and values of depth (LOG.md). */
const NARROW = 128
const [ROWS, COLUMNS] = [48, 32]
const depthFor = (columns: number) => (columns <= 16 ? 1024 : 512)

type Foreign = (...args: unknown[]) => unknown

/** The part of the library koffi that is used here. */
export interface Koffi {
  load(file: string): { func(prototype: string): Foreign }
  address(value: unknown): bigint
}

/** The declaration of the C function, with `pointer` as the type of matrices. */
export const prototype = (pointer: string) =>
  `void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, ${pointer} a, int lda, ${pointer} b, int ldb, float beta, ${pointer} c, int ldc)`

/** Products of matrices in `memory`, which must be shared, because shared memory never moves. */
export function bindSgemm(koffi: Koffi, library: string, memory: WebAssembly.Memory): Sgemm {
  const loaded = koffi.load(library)
  const cblas = loaded.func(prototype('uintptr_t'))
  const base = Number(koffi.address(new Uint8Array(memory.buffer)))
  const at = (address: number) => base + (address >>> 0)
  const sgemm: Sgemm = (transposeB, m, n, k, a, lda, b, ldb, c, ldc) => {
    cblas(ROW_MAJOR, PLAIN, transposeB ? TRANSPOSED : PLAIN, m, n, k, 1, at(a), lda, at(b), ldb, 1, at(c), ldc)
  }
  return hasSmallKernels(loaded) ? inSmallProducts(sgemm) : sgemm
}

/** Whether the library multiplies small matrices where they lie. */
function hasSmallKernels(library: ReturnType<Koffi['load']>): boolean {
  try {
    return UNPACKED.includes(library.func('const char *openblas_get_corename()')() as string)
  } catch {
    return false // It is no OpenBLAS.
  }
}

/** The same products; narrow ones as sums of small ones. */
export const inSmallProducts =
  (sgemm: Sgemm): Sgemm =>
  (transposeB, m, n, k, a, lda, b, ldb, c, ldc) => {
    if (transposeB || n > NARROW || m * n * k <= SMALL) return sgemm(transposeB, m, n, k, a, lda, b, ldb, c, ldc)
    const depth = depthFor(n)
    for (let q = 0; q < k; q += depth) {
      for (let i = 0; i < m; i += ROWS) {
        for (let j = 0; j < n; j += COLUMNS) {
          const [rows, columns, values] = [Math.min(ROWS, m - i), Math.min(COLUMNS, n - j), Math.min(depth, k - q)]
          const [x, y, z] = [a + 4 * (i * lda + q), b + 4 * (q * ldb + j), c + 4 * (i * ldc + j)]
          sgemm(0, rows, columns, values, x, lda, y, ldb, z, ldc)
        }
      }
    }
  }

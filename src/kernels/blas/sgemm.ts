/** Row-major, transposed or not, as cblas.h numbers them. */
export const ROW_MAJOR = 101
export const PLAIN = 111
export const TRANSPOSED = 112

type Foreign = (...args: unknown[]) => unknown

/** The part of the library koffi that is used here. */
export interface Koffi {
  load(file: string): { func(prototype: string): Foreign }
  address(value: unknown): bigint
}

/** The files that a product comes from: the system's BLAS, and the entry of the package koffi, which calls it. */
export interface BlasFiles {
  library: string
  koffi: string
}

/** C[m, n] += A[m, k] · op(B)[k, n], all row-major: addresses in bytes, lengths of rows in values. */
export type Sgemm = (
  transposeB: number,
  m: number,
  n: number,
  k: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  c: number,
  ldc: number,
) => void

/** The C function, which takes matrices as `pointer`s of that type. */
export const prototype = (pointer: string) =>
  `void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, ${pointer} a, int lda, ${pointer} b, int ldb, float beta, ${pointer} c, int ldc)`

/** Products of matrices that lie in `memory`, which must be shared: it never moves. */
export function bindSgemm(koffi: Koffi, library: string, memory: WebAssembly.Memory): Sgemm {
  const cblas = koffi.load(library).func(prototype('uintptr_t'))
  const base = Number(koffi.address(new Uint8Array(memory.buffer)))
  const at = (address: number) => base + (address >>> 0)
  return (transposeB, m, n, k, a, lda, b, ldb, c, ldc) => {
    cblas(ROW_MAJOR, PLAIN, transposeB ? TRANSPOSED : PLAIN, m, n, k, 1, at(a), lda, at(b), ldb, 1, at(c), ldc)
  }
}

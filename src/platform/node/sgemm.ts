import type { Sgemm } from '../platform.js'

/** The numbers in cblas.h for row-major, transposed and not transposed. */
export const ROW_MAJOR = 101
export const PLAIN = 111
export const TRANSPOSED = 112

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
  const cblas = koffi.load(library).func(prototype('uintptr_t'))
  const base = Number(koffi.address(new Uint8Array(memory.buffer)))
  const at = (address: number) => base + (address >>> 0)
  return (transposeB, m, n, k, a, lda, b, ldb, c, ldc) => {
    cblas(ROW_MAJOR, PLAIN, transposeB ? TRANSPOSED : PLAIN, m, n, k, 1, at(a), lda, at(b), ldb, 1, at(c), ldc)
  }
}

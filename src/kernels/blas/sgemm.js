// @ts-check
// Plain JavaScript, because the threads of the pool run it too.

/** Row-major, transposed or not, as cblas.h numbers them. */
export const ROW_MAJOR = 101
export const PLAIN = 111
export const TRANSPOSED = 112

/** @typedef {(...args: unknown[]) => unknown} Foreign */
/**
 * The part of the library koffi that is used here.
 * @typedef {{ load(file: string): { func(prototype: string): Foreign }, address(value: unknown): bigint }} Koffi
 */
/**
 * C[m, n] += A[m, k] · op(B)[k, n], all row-major: addresses in bytes, lengths of rows in values.
 * @typedef {(transposeB: number, m: number, n: number, k: number, a: number, lda: number, b: number, ldb: number,
 *   c: number, ldc: number) => void} Sgemm
 */

/**
 * The C function, taking matrices as `pointer`s of that type.
 * @param {string} pointer
 */
export const prototype = (pointer) =>
  `void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, ${pointer} a, int lda, ${pointer} b, int ldb, float beta, ${pointer} c, int ldc)`

/**
 * Products of matrices that lie in `memory`, which must be shared: it never moves.
 * @param {Koffi} koffi
 * @param {string} file
 * @param {WebAssembly.Memory} memory
 * @returns {Sgemm}
 */
export function bindSgemm(koffi, file, memory) {
  const cblas = koffi.load(file).func(prototype('uintptr_t'))
  const base = Number(koffi.address(new Uint8Array(memory.buffer)))
  /** @param {number} address */
  const at = (address) => base + (address >>> 0)
  return (transposeB, m, n, k, a, lda, b, ldb, c, ldc) => {
    cblas(ROW_MAJOR, PLAIN, transposeB ? TRANSPOSED : PLAIN, m, n, k, 1, at(a), lda, at(b), ldb, 1, at(c), ldc)
  }
}

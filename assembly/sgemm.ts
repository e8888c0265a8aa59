/**
 * The product of the system's BLAS: c[m, n] += a[m, k] · b[k, n], row-major with rows of `lda`, `ldb`, `ldc` values; b
 * is stored as [n, k] on demand.
 */
// @ts-ignore: decorator
@external("env", "sgemm")
export declare function sgemm(
  transposeB: bool, m: i32, n: i32, k: i32, a: usize, lda: usize, b: usize, ldb: usize, c: usize, ldc: usize
): void;

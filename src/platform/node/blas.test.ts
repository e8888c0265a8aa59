import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { findBlas } from './blas.js'
import { bindSgemm, type Koffi } from './sgemm.js'

test('addresses in the upper half of 4 GB, which WebAssembly passes as negative numbers, are read as unsigned', () => {
  const calls: unknown[][] = []
  const koffi: Koffi = {
    load: () => ({
      func:
        () =>
        (...args: unknown[]) =>
          calls.push(args),
    }),
    address: () => 1_000_000n,
  }
  const sgemm = bindSgemm(koffi, 'libblas', new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }))
  sgemm(0, 2, 3, 4, 16, 4, -(2 ** 31), 3, -16, 3)
  // cblas.h: 101 is row-major, 111 is not transposed; then m, n, k, alpha, a, lda, b, ldb, beta, c, ldc.
  const [a, b, c] = [1_000_016, 1_000_000 + 2 ** 31, 1_000_000 + 2 ** 32 - 16]
  expect(calls).toEqual([[101, 111, 111, 2, 3, 4, 1, a, 4, b, 3, 1, c, 3]])
})

test('OpenBLAS computes on the calling thread and starts no threads', ({ skip }) => {
  const blas = findBlas()
  if (blas?.name !== 'OpenBLAS') return skip('no OpenBLAS on this machine')
  const koffi = createRequire(import.meta.url)('koffi') as Koffi
  const library = koffi.load(blas.files.library)
  library.func('void openblas_set_num_threads(int)')(2)
  findBlas()
  expect(library.func('int openblas_get_num_threads()')()).toBe(1)
})

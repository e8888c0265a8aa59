import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import type { Sgemm } from '../platform.js'
import { findBlas } from './blas.js'
import { bindSgemm, inSmallProducts, type Koffi } from './sgemm.js'

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
const calls: unknown[][] = []

/** A library that notes the products it is asked for, and says that its kernels are for `core`. */
const libraryOf = (core: () => string): Koffi => ({
  load: () => ({
    func:
      (declaration) =>
      (...args) =>
        declaration.includes('sgemm') ? calls.push(args) : core(),
  }),
  address: () => 1_000_000n,
})

/** The products that one of [m, k] · [k, n] becomes. */
function productsOf(core: () => string, [m, n, k]: readonly [number, number, number], transposeB = 0): unknown[][] {
  calls.length = 0
  bindSgemm(libraryOf(core), 'libblas', memory)(transposeB, m, n, k, 0, k, 0, transposeB ? k : n, 0, n)
  return calls
}

test('addresses in the upper half of 4 GB, which WebAssembly passes as negative numbers, are read as unsigned', () => {
  calls.length = 0
  bindSgemm(
    libraryOf(() => 'Haswell'),
    'libblas',
    memory,
  )(0, 2, 3, 4, 16, 4, -(2 ** 31), 3, -16, 3)
  // cblas.h: 101 is row-major, 111 is not transposed; then m, n, k, alpha, a, lda, b, ldb, beta, c, ldc.
  const [a, b, c] = [1_000_016, 1_000_000 + 2 ** 31, 1_000_000 + 2 ** 32 - 16]
  expect(calls).toEqual([[101, 111, 111, 2, 3, 4, 1, a, 4, b, 3, 1, c, 3]])
})

test('only libraries that multiply small matrices where they lie get narrow products in pieces', () => {
  const step = [256, 16, 256] as const
  for (const core of ['SkylakeX', 'Cooperlake', 'SapphireRapids']) expect(productsOf(() => core, step)).toHaveLength(6)
  for (const core of ['Haswell', 'Zen']) expect(productsOf(() => core, step)).toHaveLength(1)
  const missing = () => {
    throw new Error('Cannot find function openblas_get_corename')
  }
  expect(productsOf(missing, step)).toHaveLength(1)
  // Small ones already, wide ones, and weight gradients are whole.
  for (const whole of [[240, 16, 256] as const, [256, 560, 256] as const]) {
    expect(productsOf(() => 'SkylakeX', whole)).toHaveLength(1)
  }
  expect(productsOf(() => 'SkylakeX', [256, 64, 560], 1)).toHaveLength(1)
})

test.each([
  [256, 16, 256],
  [1024, 32, 1100],
  [131, 33, 2100],
  [49, 128, 513],
  [4099, 8, 1025],
])('pieces of a product of %i × %i with a depth of %i are small, and sum to it', (m, n, k) => {
  const [lda, ldb, ldc] = [k + 3, n + 5, n + 2]
  const fill = (length: number, seed: number) => Float32Array.from({ length }, (_, i) => ((i * seed) % 17) - 8)
  const [a, b, c] = [fill(m * lda, 7), fill(k * ldb, 5), fill(m * ldc, 3)]
  const multiply: Sgemm = (transposeB, rows, columns, depth, x, strideX, y, strideY, z, strideZ) => {
    expect(transposeB).toBe(0)
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0
        for (let q = 0; q < depth; q++) sum += a[x / 4 + i * strideX + q]! * b[y / 4 + q * strideY + j]!
        c[z / 4 + i * strideZ + j]! += sum
      }
    }
  }
  const before = c.slice()
  multiply(0, m, n, k, 0, lda, 0, ldb, 0, ldc)
  const expected = c.slice()
  c.set(before)
  const sizes: number[] = []
  inSmallProducts((...product) => {
    sizes.push(product[1] * product[2] * product[3])
    multiply(...product)
  })(0, m, n, k, 0, lda, 0, ldb, 0, ldc)
  // Small whole numbers have exact sums in any order.
  expect(c).toEqual(expected)
  expect(sizes.length).toBeGreaterThan(1)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1e6)
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

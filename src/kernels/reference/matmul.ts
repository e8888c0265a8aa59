import type { FloatArray, MatmulSizes } from '../../device/device.js'

/** y[m, n] = op(a) · op(b), row by row of b so that the inner loop runs over neighbours. */
export function matmul(a: FloatArray, b: FloatArray, y: FloatArray, sizes: MatmulSizes): void {
  const { m, n, k, transposeA = false, transposeB = false } = sizes
  const [aRow, aColumn] = transposeA ? [1, m] : [k, 1]
  const [bRow, bColumn] = transposeB ? [1, k] : [n, 1]
  const row = new Float64Array(n)
  for (let i = 0; i < m; i++) {
    row.fill(0)
    for (let l = 0; l < k; l++) {
      const x = a[i * aRow + l * aColumn]
      for (let j = 0; j < n; j++) row[j] += x * b[l * bRow + j * bColumn]
    }
    y.set(row, i * n)
  }
}

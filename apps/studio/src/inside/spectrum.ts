/**
 * The singular values of a square matrix, from the largest to the smallest: the columns are made orthogonal pair by pair
 * (one-sided Jacobi rotations, Hestenes 1958), and their lengths are the singular values.
 * @param values n × n, by rows
 */
export function singularValues(values: Float32Array, n: number): number[] {
  const columns = Array.from({ length: n }, (_, j) => Float64Array.from({ length: n }, (_, i) => values[i * n + j]))
  const dot = (a: Float64Array, b: Float64Array): number => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += a[i] * b[i]
    return sum
  }
  for (let sweep = 0; sweep < 30; sweep++) {
    let turned = false
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [a, b] = [columns[p], columns[q]]
        const [alpha, beta, gamma] = [dot(a, a), dot(b, b), dot(a, b)]
        if (Math.abs(gamma) <= 1e-9 * Math.sqrt(alpha * beta)) continue
        turned = true
        const zeta = (beta - alpha) / (2 * gamma)
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta))
        const c = 1 / Math.sqrt(1 + t * t)
        const s = c * t
        for (let i = 0; i < n; i++) {
          const x = a[i]
          a[i] = c * x - s * b[i]
          b[i] = s * x + c * b[i]
        }
      }
    }
    if (!turned) break
  }
  return columns.map((column) => Math.sqrt(dot(column, column))).sort((a, b) => b - a)
}

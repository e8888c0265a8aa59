/** PyTorch's default. */
const EPSILON = 1e-5

/** x̂ = (x − mean) · scale with scale = 1 / √(variance + ε), of each group by itself. */
export interface Normalized {
  values: Float64Array
  scales: number[]
}

/** @param sizes those of the groups, one after another in x */
export function normalize(x: Float64Array, sizes: readonly number[]): Normalized {
  const values = new Float64Array(x.length)
  const scales: number[] = []
  let first = 0
  for (const size of sizes) {
    const group = x.subarray(first, first + size)
    const mean = group.reduce((sum, value) => sum + value, 0) / size
    const variance = group.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size
    const scale = 1 / Math.sqrt(variance + EPSILON)
    values.set(
      group.map((value) => (value - mean) * scale),
      first,
    )
    scales.push(scale)
    first += size
  }
  return { values, scales }
}

/** dx = (g − mean(g) − x̂ mean(g x̂)) · scale of each group. @param g the gradient of x̂ */
export function normalizeGrad({ values, scales }: Normalized, g: Float64Array, sizes: readonly number[]): Float64Array {
  const dx = new Float64Array(g.length)
  let first = 0
  for (const [i, size] of sizes.entries()) {
    let [mean, meanX] = [0, 0]
    for (let j = first; j < first + size; j++) {
      mean += g[j] / size
      meanX += (g[j] * values[j]) / size
    }
    for (let j = first; j < first + size; j++) dx[j] = (g[j] - mean - values[j] * meanX) * scales[i]
    first += size
  }
  return dx
}

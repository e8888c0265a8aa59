/** Digits of the largest singular value to which all are found. */
const PRECISION = 1e-10

/**
 * The singular values of a square matrix, from the largest to the smallest: those of the bidiagonal matrix that reflections
 * make of it (Golub & Kahan 1965), found by bisection.
 * @param values n × n, by rows
 * @param rest is called often, and may throw to end the work
 */
export async function singularValues(
  values: Float32Array,
  n: number,
  rest: () => Promise<void> = async () => {},
): Promise<number[]> {
  const rows = Array.from({ length: n }, (_, i) => Float64Array.from(values.subarray(i * n, (i + 1) * n)))
  const column = new Float64Array(n)
  const sums = new Float64Array(n)
  /** d1, e1, d2, e2, …: the diagonal and what is above it, in turn. */
  const turns: number[] = []
  for (let k = 0; k < n; k++) {
    await rest()
    // A reflection of columns leaves one value below and on the diagonal.
    for (let i = k; i < n; i++) column[i] = rows[i][k]
    turns.push(reflect(column, k))
    sums.fill(0)
    for (let i = k; i < n; i++) add(sums, column[i], rows[i], k + 1)
    for (let i = k; i < n; i++) add(rows[i], -column[i], sums, k + 1)
    if (k + 1 === n) break
    // One of rows leaves one beside it.
    const row = rows[k]
    turns.push(reflect(row, k + 1))
    for (let i = k + 1; i < n; i++) {
      let dot = 0
      for (let j = k + 1; j < n; j++) dot += row[j] * rows[i][j]
      add(rows[i], -dot, row, k + 1)
    }
  }
  const squares = Float64Array.from(turns, (value) => value * value)
  const found: number[] = []
  // No singular value is above the Frobenius norm.
  let above = Math.sqrt(squares.reduce((sum, square) => sum + square, 0)) * (1 + PRECISION)
  const least = above * PRECISION
  for (let rank = 1; rank <= n; rank++) {
    await rest()
    let below = 0
    let high = above
    while (high - below > least) {
      const middle = (below + high) / 2
      if (n - countBelow(squares, middle, n) >= rank) below = middle
      else high = middle
    }
    found.push((below + high) / 2)
    above = high
  }
  return found
}

/**
 * Makes of a vector x, from a place on, the v of the reflection 1 − v vᵀ that leaves of x its first value alone.
 * @returns that value
 */
function reflect(x: Float64Array, from: number): number {
  let square = 0
  for (let i = from; i < x.length; i++) square += x[i] * x[i]
  if (square === 0) return 0
  const norm = x[from] > 0 ? -Math.sqrt(square) : Math.sqrt(square)
  const scale = 1 / Math.sqrt(square - norm * x[from])
  x[from] -= norm
  for (let i = from; i < x.length; i++) x[i] *= scale
  return norm
}

/** y += a x, from a place on. */
function add(y: Float64Array, a: number, x: Float64Array, from: number): void {
  for (let i = from; i < y.length; i++) y[i] += a * x[i]
}

/**
 * How many of the singular values are below a positive x: the symmetric matrix with zeros on its diagonal and the two diagonals
 * of the bidiagonal one in turn beside it has these and their negatives as eigenvalues, and a Sturm sequence counts them.
 */
function countBelow(squares: Float64Array, x: number, n: number): number {
  let q = -x
  let count = 1
  for (let i = 0; i < squares.length; i++) {
    q = -x - squares[i] / (Math.abs(q) < Number.MIN_VALUE / PRECISION ? -Number.MIN_VALUE / PRECISION : q)
    if (q < 0) count++
  }
  return count - n
}

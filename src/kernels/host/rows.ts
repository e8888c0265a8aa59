import type { FloatArray, Normalized } from '../../device/device.js'

// Loops over the rows of matrices.

/** Up to this width, a loop takes less time than the views that `set` needs. */
const NARROW = 16

export function gatherRows(x: FloatArray, rows: Int32Array, y: FloatArray, width: number): void {
  for (let i = 0; i < rows.length; i++) {
    const [from, to] = [rows[i] * width, i * width]
    if (width > NARROW) y.set(x.subarray(from, from + width), to)
    else for (let j = 0; j < width; j++) y[to + j] = x[from + j]
  }
}

export function scatterAddRows(dy: FloatArray, rows: Int32Array, dx: FloatArray, width: number): void {
  for (let i = 0; i < rows.length; i++) {
    const [from, to] = [i * width, rows[i] * width]
    for (let j = 0; j < width; j++) dx[to + j] += dy[from + j]
  }
}

/** dx = y (dy − Σ y dy) */
export function softmaxGrad(y: FloatArray, dy: FloatArray, dx: FloatArray, columns: number): void {
  for (let from = 0; from < y.length; from += columns) {
    let dot = 0
    for (let i = from; i < from + columns; i++) dot += y[i] * dy[i]
    for (let i = from; i < from + columns; i++) dx[i] = y[i] * (dy[i] - dot)
  }
}

/** dx = dy − e^y Σ dy, where dx holds e^y already. */
export function logSoftmaxGrad(dy: FloatArray, dx: FloatArray, columns: number): void {
  for (let from = 0; from < dy.length; from += columns) {
    let sum = 0
    for (let i = from; i < from + columns; i++) sum += dy[i]
    for (let i = from; i < from + columns; i++) dx[i] = dy[i] - dx[i] * sum
  }
}

export function layerNorm(
  x: FloatArray,
  gain: FloatArray,
  bias: FloatArray | undefined,
  { values, scales }: Normalized<FloatArray>,
  y: FloatArray,
  eps: number,
): void {
  const columns = gain.length
  for (let row = 0, from = 0; row < scales.length; row++, from += columns) {
    const { mean, scale } = statistics(x, from, columns, eps)
    scales[row] = scale
    for (let i = 0; i < columns; i++) {
      const value = (x[from + i] - mean) * scale
      values[from + i] = value
      y[from + i] = value * gain[i] + (bias ? bias[i] : 0)
    }
  }
}

export function layerNormGrad(
  dy: FloatArray,
  gain: FloatArray,
  { values, scales }: Normalized<FloatArray>,
  dx: FloatArray,
  dgain: FloatArray,
  dbias: FloatArray,
): void {
  const columns = gain.length
  for (let row = 0, from = 0; row < scales.length; row++, from += columns) {
    let [sum, dot] = [0, 0]
    for (let i = 0; i < columns; i++) {
      const [d, value] = [dy[from + i], values[from + i]]
      dgain[i] += d * value
      dbias[i] += d
      sum += d * gain[i]
      dot += d * gain[i] * value
    }
    const [mean, along] = [sum / columns, dot / columns]
    for (let i = 0; i < columns; i++) {
      dx[from + i] = (dy[from + i] * gain[i] - mean - values[from + i] * along) * scales[row]
    }
  }
}

/** Mean and 1 / √(variance + eps) of a row; the variance is that of the values, not an estimate (1 / n). */
function statistics(x: FloatArray, from: number, columns: number, eps: number): { mean: number; scale: number } {
  let sum = 0
  for (let i = from; i < from + columns; i++) sum += x[i]
  const mean = sum / columns
  let squares = 0
  for (let i = from; i < from + columns; i++) squares += (x[i] - mean) ** 2
  return { mean, scale: 1 / Math.sqrt(squares / columns + eps) }
}

import type { FloatArray } from '../kernels.js'

/** The largest value of a row, and the logarithm of Σ e^x over it. */
function logSumExp(x: FloatArray, from: number, columns: number): number {
  let largest = -Infinity
  for (let c = 0; c < columns; c++) largest = Math.max(largest, x[from + c])
  let sum = 0
  for (let c = 0; c < columns; c++) sum += Math.exp(x[from + c] - largest)
  return largest + Math.log(sum)
}

export function logSoftmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
  for (let from = 0; from < rows * columns; from += columns) {
    const total = logSumExp(x, from, columns)
    for (let c = 0; c < columns; c++) y[from + c] = x[from + c] - total
  }
}

export function softmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
  for (let from = 0; from < rows * columns; from += columns) {
    const total = logSumExp(x, from, columns)
    for (let c = 0; c < columns; c++) y[from + c] = Math.exp(x[from + c] - total)
  }
}

/** Mean of −log softmax(x)[target], and its gradient (softmax − one-hot) / rows. */
export function crossEntropy(
  x: FloatArray,
  targets: Int32Array,
  grad: FloatArray,
  rows: number,
  columns: number,
): number {
  let loss = 0
  for (let r = 0; r < rows; r++) {
    const from = r * columns
    const total = logSumExp(x, from, columns)
    loss += total - x[from + targets[r]]
    for (let c = 0; c < columns; c++) {
      grad[from + c] = (Math.exp(x[from + c] - total) - (c === targets[r] ? 1 : 0)) / rows
    }
  }
  return loss / rows
}

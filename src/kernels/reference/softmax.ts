import type { FloatArray } from '../../device/device.js'

/**
 * The largest score of a row, and Σ e^(x − largest) over it. All that follows subtracts the largest score before it
 * adds anything: beside a score of 10⁶ a logarithm of 0.7 would lose its digits.
 */
function sumOfExponentials(x: FloatArray, from: number, columns: number): { largest: number; sum: number } {
  let largest = -Infinity
  for (let c = 0; c < columns; c++) largest = Math.max(largest, x[from + c])
  let sum = 0
  for (let c = 0; c < columns; c++) sum += Math.exp(x[from + c] - largest)
  return { largest, sum }
}

export function logSoftmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
  for (let from = 0; from < rows * columns; from += columns) {
    const { largest, sum } = sumOfExponentials(x, from, columns)
    for (let c = 0; c < columns; c++) y[from + c] = x[from + c] - largest - Math.log(sum)
  }
}

export function softmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void {
  for (let from = 0; from < rows * columns; from += columns) {
    const { largest, sum } = sumOfExponentials(x, from, columns)
    for (let c = 0; c < columns; c++) y[from + c] = Math.exp(x[from + c] - largest) / sum
  }
}

/** Mean of −log softmax(x)[target], and in `grad`, if that is given, its gradient (softmax − one-hot) / rows. */
export function crossEntropy(
  x: FloatArray,
  targets: Int32Array,
  grad: FloatArray | undefined,
  rows: number,
  columns: number,
): number {
  let loss = 0
  for (let r = 0; r < rows; r++) {
    const from = r * columns
    const { largest, sum } = sumOfExponentials(x, from, columns)
    loss += Math.log(sum) + (largest - x[from + targets[r]])
    for (let c = 0; grad && c < columns; c++) {
      grad[from + c] = (Math.exp(x[from + c] - largest) / sum - (c === targets[r] ? 1 : 0)) / rows
    }
  }
  return loss / rows
}

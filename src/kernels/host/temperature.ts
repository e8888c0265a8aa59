import type { FloatArray } from '../../device/device.js'

/** The sums over the rows of the logits that `Device.temperature` returns. */
export function temperature(
  logits: FloatArray,
  targets: Int32Array,
  beta: number,
  rows: number,
  columns: number,
): Float64Array {
  let [loss, slope, curvature] = [0, 0, 0]
  for (let row = 0; row < rows; row++) {
    const z = logits.subarray(row * columns, (row + 1) * columns)
    const moments = momentsOf(z, beta, z[targets[row]])
    loss += moments.loss
    slope += moments.slope
    curvature += moments.curvature
  }
  return Float64Array.of(loss, slope, curvature)
}

/** log Σⱼ exp(β zⱼ) − β z_y with its slope and its curvature: E[z] − z_y and Var[z] under softmax(β z). */
function momentsOf(z: FloatArray, beta: number, label: number) {
  let most = -Infinity
  for (const score of z) most = Math.max(most, score)
  let [total, sum, squares] = [0, 0, 0]
  for (const score of z) {
    // Relative to the largest score, because large scores would leave no digits for the logarithm and the variance.
    const distance = score - most
    const weight = Math.exp(beta * distance)
    total += weight
    sum += weight * distance
    squares += weight * distance * distance
  }
  const mean = sum / total
  const missing = most - label
  return { loss: Math.log(total) + beta * missing, slope: mean + missing, curvature: squares / total - mean * mean }
}

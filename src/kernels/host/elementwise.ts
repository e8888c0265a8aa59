import type { FloatArray } from '../../device/device.js'

/** y = scale · x + shift */
export function affine(x: FloatArray, scale: number, shift: number, y: FloatArray): void {
  for (let i = 0; i < x.length; i++) y[i] = scale * x[i] + shift
}

/** y += alpha · x */
export function addScaled(alpha: number, x: FloatArray, y: FloatArray): void {
  for (let i = 0; i < x.length; i++) y[i] += alpha * x[i]
}

/** y = x within [low, high]; NaN stays NaN. */
export function clamp(x: FloatArray, low: number, high: number, y: FloatArray): void {
  for (let i = 0; i < x.length; i++) y[i] = Math.max(low, Math.min(high, x[i]))
}

import type { FloatArray } from '../../device/device.js'

/** y[outer, inner] = Σ over the middle axis of x[outer, length, inner], in double precision. */
export function sumAxis(x: FloatArray, y: FloatArray, outer: number, length: number, inner: number): void {
  const sums = new Float64Array(inner)
  for (let o = 0; o < outer; o++) {
    sums.fill(0)
    for (let l = 0; l < length; l++) {
      const from = (o * length + l) * inner
      for (let i = 0; i < inner; i++) sums[i] += x[from + i]
    }
    y.set(sums, o * inner)
  }
}

export function sumSquares(x: FloatArray): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i] * x[i]
  return sum
}

/** The place of the largest value along the middle axis, or of a NaN; the first of equals. */
export function argmax(x: FloatArray, outer: number, length: number, inner: number): Int32Array {
  const places = new Int32Array(outer * inner)
  for (let i = 0; i < places.length; i++) {
    const from = start(i, length, inner)
    let most = x[from]
    for (let l = 1; l < length && !Number.isNaN(most); l++) {
      const value = x[from + l * inner]
      if (value <= most) continue
      most = value
      places[i] = l
    }
  }
  return places
}

export function pick(x: FloatArray, places: Int32Array, y: FloatArray, length: number, inner: number): void {
  for (let i = 0; i < places.length; i++) y[i] = x[start(i, length, inner) + places[i] * inner]
}

export function put(dy: FloatArray, places: Int32Array, dx: FloatArray, length: number, inner: number): void {
  for (let i = 0; i < places.length; i++) dx[start(i, length, inner) + places[i] * inner] = dy[i]
}

/** The place of the first of the values of [outer, length, inner] that make value i of [outer, inner]. */
const start = (i: number, length: number, inner: number): number => Math.floor(i / inner) * length * inner + (i % inner)

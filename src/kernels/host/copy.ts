import type { FloatArray, View } from '../../device/device.js'

/** The most values that are copied faster one by one than as a block. */
const FEW = 16

export interface Axis {
  length: number
  from: number
  to: number
}

/** The axes of a copy without those of length 1, and with those joined that lie one after another in both views. */
export function joined(shape: readonly number[], from: View, to: View): Axis[] {
  const axes: Axis[] = []
  for (const [axis, length] of shape.entries()) {
    if (length === 1) continue
    const next = { length, from: from.strides[axis], to: to.strides[axis] }
    const last = axes.at(-1)
    if (last && last.from === next.from * length && last.to === next.to * length) {
      axes[axes.length - 1] = { ...next, length: last.length * length }
    } else axes.push(next)
  }
  return axes
}

/** Copies values between two views with the lengths of `shape`. A stride of 0 repeats a value. */
export function copy<A extends FloatArray | Int32Array>(
  x: A,
  from: View,
  y: A,
  to: View,
  shape: readonly number[],
): void {
  if (shape.includes(0)) return
  const axes = joined(shape, from, to)
  const row = axes.pop() ?? { length: 1, from: 1, to: 1 }
  const place = axes.map(() => 0)
  let [a, b] = [from.offset, to.offset]
  for (;;) {
    copyRow(x, a, y, b, row)
    let axis = axes.length - 1
    for (; axis >= 0; axis--) {
      const { length, from, to } = axes[axis]
      a += from
      b += to
      if (++place[axis] < length) break
      a -= from * length
      b -= to * length
      place[axis] = 0
    }
    if (axis < 0) return
  }
}

function copyRow<A extends FloatArray | Int32Array>(x: A, a: number, y: A, b: number, { length, from, to }: Axis) {
  if (to === 1 && from === 0) y.fill(x[a], b, b + length)
  else if (to === 1 && from === 1 && length > FEW) y.set(x.subarray(a, a + length), b)
  else for (let i = 0; i < length; i++) y[b + i * to] = x[a + i * from]
}

import { describe, expect, test } from 'vitest'
import type { UnaryOp } from '../src/device/device.js'
import { kernelSets } from './kernel-sets.js'

// Every 1,999th float32, over two million of them, denormals included, is compared with double precision.
const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)
const points = Float32Array.from({ length: Math.floor(2 ** 32 / 1_999) }, (_, i) => {
  bits[0] = i * 1_999
  return float[0]
})

/** The index of a float32 among all float32 numbers, so that neighbours differ by 1. */
function place(value: number): number {
  float[0] = value
  return bits[0] < 2 ** 31 ? bits[0] : 2 ** 31 - bits[0]
}

const exact: Record<'exp' | 'log' | 'tanh' | 'sigmoid', (x: number) => number> = {
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
  sigmoid: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
}

describe.each(kernelSets)('$name', (kernels) => {
  test.each(Object.entries(exact))('%s is within 2 units in the last place', (op, f) => {
    const y = new Float32Array(points.length)
    kernels.unary(op as UnaryOp, points, y)
    let worst = { distance: 0, x: 0 }
    points.forEach((x, i) => {
      const expected = Math.fround(f(x))
      const same = Number.isNaN(expected) ? Number.isNaN(y[i]) : Object.is(expected, y[i]) || expected === y[i]
      const distance = same ? 0 : Number.isNaN(expected - y[i]) ? Infinity : Math.abs(place(expected) - place(y[i]))
      if (distance > worst.distance) worst = { distance, x }
    })
    expect(worst.distance, `at x = ${worst.x}`).toBeLessThanOrEqual(2)
  })

  test('infinities, zeros and NaN', () => {
    const special = Float32Array.of(Infinity, -Infinity, 0, -0, Number.NaN)
    for (const [op, f] of Object.entries(exact)) {
      const y = new Float32Array(special.length)
      kernels.unary(op as UnaryOp, special, y)
      special.forEach((x, i) => {
        expect(y[i], `${op}(${x})`).toEqual(f(x))
      })
    }
  })
})

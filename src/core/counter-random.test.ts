import { expect, test } from 'vitest'
import { fillMask, fillNormal, fillUniform, threefry } from './counter-random.js'
import { Generator } from './random.js'

test.each([
  [0, 0, 0, 0, 0x9d1c5ec6, 0x8bd50731],
  [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xfd36d048, 0x2d17272c],
  [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xba3e4725, 0xf27d669e],
])('threefry gives the known answers of its authors (Random123, tests/kat_vectors): counter %s %s', (...words) => {
  const [c0, c1, k0, k1, ...expected] = words
  expect(threefry([k0, k1], [c0, c1])).toEqual(expected)
})

const key = [1, 2] as const

test('uniform numbers are the 24 high bits of the words, two of each counter', () => {
  const values = new Float64Array(7)
  fillUniform(key, values)
  values.forEach((value, i) => {
    expect(value).toBe(Math.floor(threefry(key, [Math.floor(i / 2), 0])[i % 2] / 2 ** 8) / 2 ** 24)
  })
})

test('a mask keeps a value where the uniform number under the same key is p or more', () => {
  const [uniform, mask] = [new Float64Array(1001), new Float64Array(1001)]
  fillUniform(key, uniform)
  for (const p of [0, 0.1, 0.5, uniform[17], 0.999, 1]) {
    fillMask(key, p, 3, mask)
    expect(mask).toEqual(uniform.map((value) => (value < p ? 0 : 3)))
  }
})

test('shorter fills are the beginning of longer ones', () => {
  for (const fill of [fillUniform, fillNormal]) {
    const long = new Float32Array(100)
    fill(key, long)
    for (const length of [1, 2, 37]) {
      const short = new Float32Array(length)
      fill(key, short)
      expect(short).toEqual(long.subarray(0, length))
    }
  }
})

test('keys that differ in one bit give unrelated numbers', () => {
  const generator = new Generator(1)
  let equal = 0
  for (let draw = 0; draw < 200; draw++) {
    const [a, b] = generator.key()
    const [one, other] = [new Float64Array(100), new Float64Array(100)]
    fillMask([a, b], 0.5, 1, one)
    fillMask(draw % 2 === 0 ? [(a ^ (1 << (draw % 32))) >>> 0, b] : [a, (b ^ (1 << (draw % 32))) >>> 0], 0.5, 1, other)
    equal += one.filter((value, i) => value === other[i]).length
  }
  // 20,000 fair coins: 10,000 ± 5 standard deviations of 71.
  expect(Math.abs(equal - 10_000)).toBeLessThan(354)
})

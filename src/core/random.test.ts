import { describe, expect, test } from 'vitest'
import { fillMask } from './counter-random.js'
import { OptionError } from './errors.js'
import { defaultGenerator, Generator, manualSeed } from './random.js'

const count = 100_000
const draw = (next: () => number) => Array.from({ length: count }, next)
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Σ (observed − expected)² / expected, for counts of outcomes with the same probability or with those given. */
function chiSquared(counts: number[], probabilities = counts.map(() => 1 / counts.length)): number {
  const draws = counts.reduce((sum, count) => sum + count, 0)
  return counts.reduce((sum, count, i) => sum + (count - draws * probabilities[i]) ** 2 / (draws * probabilities[i]), 0)
}

/** By degrees of freedom: the value that chi-squared exceeds once in 100,000 times. */
const RARELY = { 1: 19.5, 5: 30.9, 15: 50.5, 19: 56.9, 23: 63.2 }

describe('Generator', () => {
  test('gives the numbers of the reference implementation of xoshiro128** by Blackman and Vigna', () => {
    const generator = new Generator()
    generator.state = [1, 2, 3, 4]
    const numbers = [
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]
    expect(numbers.map(() => generator.bits())).toEqual(numbers)
  })

  test('different seeds give different states, also when the halves of a large seed are equal or swapped', () => {
    const halves = [0, 1, 2, 3, 5, 4711, 2 ** 20]
    const seeds = halves.flatMap((high) => halves.map((low) => high * 2 ** 32 + low))
    const states = seeds.map((seed) => new Generator(seed).state.join())
    expect(new Set(states).size).toBe(seeds.length)
    expect(states).not.toContain('0,0,0,0')
  })

  test('its state, set in another generator, repeats the numbers, including the second normal number of a pair', () => {
    const one = new Generator(13)
    one.normal()
    const other = new Generator(14)
    other.state = JSON.parse(JSON.stringify(one.state))
    expect([other.normal(), other.normal(), other.bits()]).toEqual([one.normal(), one.normal(), one.bits()])
  })

  test.each([[], [0, 0, 0, 0], [1, 2, 3], [1, 2, 3, 4, 0.5, 6], [1, 2, 3, -4], [1, 2, 3, 2 ** 32], [1, 2, 3, 0.5]])(
    'refuses the state %j',
    (...state) => {
      expect(() => {
        new Generator().state = state
      }).toThrow(OptionError)
    },
  )

  test.each([undefined, null, 'words', [1, 2, 3, 4, Number.NaN], [1, 2, 3, 4, null], [1, 2, 3, '4']])(
    'refuses the state %j, and keeps its own',
    (state) => {
      const generator = new Generator(15)
      const set = () => {
        generator.state = state as number[]
      }
      expect(set).toThrow(OptionError)
      expect(set).toThrow('Generator.state: ')
      expect(generator.bits()).toBe(new Generator(15).bits())
    },
  )

  test('repeats itself with the same seed', () => {
    const [a, b] = [new Generator(7), new Generator(7)]
    expect(draw(() => a.bits())).toEqual(draw(() => b.bits()))
  })

  test('seeds above 2³² are told apart', () => {
    expect(new Generator(5).bits()).not.toBe(new Generator(5 + 2 ** 32).bits())
  })

  test('uniform: mean ½, variance 1/12, within [0, 1)', () => {
    const generator = new Generator(1)
    const values = draw(() => generator.uniform())
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
    expect(mean(values)).toBeCloseTo(0.5, 2)
    expect(mean(values.map((value) => (value - 0.5) ** 2))).toBeCloseTo(1 / 12, 2)
  })

  test('normal: mean 0, variance 1, 68.3 % within ±1', () => {
    const generator = new Generator(2)
    const values = draw(() => generator.normal())
    expect(mean(values)).toBeCloseTo(0, 1)
    expect(mean(values.map((value) => value ** 2))).toBeCloseTo(1, 1)
    expect(values.filter((value) => Math.abs(value) < 1).length / count).toBeCloseTo(0.6827, 2)
  })

  test('integer: each value equally often', () => {
    const generator = new Generator(3)
    const counts = [0, 0, 0]
    for (let i = 0; i < count; i++) counts[generator.integer(3)]++
    for (const found of counts) expect(found / count).toBeCloseTo(1 / 3, 2)
  })

  test('uniform: its 16 equal parts, its lowest bits and its tails are as frequent as they should be', () => {
    const generator = new Generator(5)
    const [parts, low] = [new Array<number>(16).fill(0), new Array<number>(16).fill(0)]
    let tails = 0
    for (let i = 0; i < 400_000; i++) {
      const value = generator.uniform()
      parts[Math.floor(value * 16)]++
      low[(value * 2 ** 32) % 16]++
      if (value < 0.0005 || value >= 0.9995) tails++
    }
    expect(chiSquared(parts)).toBeLessThan(RARELY[15])
    expect(chiSquared(low)).toBeLessThan(RARELY[15])
    expect(chiSquared([tails, 400_000 - tails], [0.001, 0.999])).toBeLessThan(RARELY[1])
  })

  test('normal: 20 parts of equal probability, the tails, and independence from the previous value', () => {
    // Quantiles of the standard normal distribution at 0.05, 0.1, …, 0.45, from its tables.
    const upper = [1.6448536, 1.2815516, 1.0364334, 0.8416212, 0.6744898, 0.5244005, 0.3853205, 0.2533471, 0.1256613]
    const bounds = [...upper.map((z) => -z), 0, ...upper.toReversed()]
    const generator = new Generator(6)
    const parts = new Array<number>(20).fill(0)
    const pairs = new Array<number>(16).fill(0)
    const tails = { beyond3: 0, beyond4: 0 }
    let before = 0
    const draws = 400_000
    for (let i = 0; i < draws; i++) {
      const value = generator.normal()
      parts[bounds.filter((bound) => value >= bound).length]++
      if (Math.abs(value) > 3) tails.beyond3++
      if (Math.abs(value) > 4) tails.beyond4++
      // Quarters of equal probability; this value and the previous one together fall into one of 16 cells.
      const quarter = (z: number) => (z < -0.6744898 ? 0 : z < 0 ? 1 : z < 0.6744898 ? 2 : 3)
      if (i % 2 === 1) pairs[quarter(before) * 4 + quarter(value)]++
      before = value
    }
    expect(chiSquared(parts)).toBeLessThan(RARELY[19])
    expect(chiSquared(pairs)).toBeLessThan(RARELY[15])
    expect(chiSquared([tails.beyond3, draws - tails.beyond3], [0.0026998, 0.9973002])).toBeLessThan(RARELY[1])
    // 6.334e-5 of all values are beyond ±4: 25 are expected, and fewer than 7 or more than 52 have a probability below
    // 1 in 100,000.
    expect(tails.beyond4).toBeGreaterThanOrEqual(7)
    expect(tails.beyond4).toBeLessThanOrEqual(52)
  })

  test('normal: the transform of Box and Muller', () => {
    const generator = new Generator()
    generator.state = [1, 2, 3, 4]
    // The first bits of this state are 11520, 0, 5927040 and 70819200: see above.
    const [radius, other] = [11520, 5927040].map((bits) => Math.sqrt(-2 * Math.log(1 - bits / 2 ** 32)))
    const angle = (2 * Math.PI * 70819200) / 2 ** 32
    const expected = [radius, 0, other * Math.cos(angle), other * Math.sin(angle)]
    for (const value of expected) expect(generator.normal()).toBeCloseTo(value, 14)
  })

  test.each([0.001, 0.2, 0.5, 0.97])('mask: drops with a probability of %s, each value on its own', (p) => {
    const values = new Float64Array(400_000)
    new Generator(7).mask(values, p, 2)
    expect(values.every((value) => value === 0 || value === 2)).toBe(true)
    const dropped = values.filter((value) => value === 0).length
    expect(chiSquared([dropped, values.length - dropped], [p, 1 - p])).toBeLessThan(RARELY[1])
    let both = 0
    for (let i = 1; i < values.length; i += 2) if (values[i] === 0 && values[i - 1] === 0) both++
    expect(chiSquared([both, values.length / 2 - both], [p * p, 1 - p * p])).toBeLessThan(RARELY[1])
  })

  test('mask: at 0 nothing is dropped, at 1 everything', () => {
    const values = new Float32Array(10_000)
    new Generator(8).mask(values, 0, 3)
    expect(values.every((value) => value === 3)).toBe(true)
    new Generator(8).mask(values, 1, 3)
    expect(values.every((value) => value === 0)).toBe(true)
  })

  test('mask: draws one key, whatever its size, and depends on nothing else', () => {
    const [one, other] = [new Generator(9), new Generator(9)]
    const values = new Float32Array(1000)
    one.mask(values, 0.3, 1)
    const expected = new Float32Array(1000)
    fillMask(other.key(), 0.3, 1, expected)
    expect(values).toEqual(expected)
    expect(one.bits()).toBe(other.bits())
  })

  test('integer: no bias where n does not divide 2³²', () => {
    // 2³² mod n is n/3: a remainder without rejection would be in the lowest third in half of all cases.
    const n = 3 * 2 ** 30
    const generator = new Generator(10)
    const thirds = [0, 0, 0]
    for (let i = 0; i < count; i++) thirds[Math.floor(generator.integer(n) / 2 ** 30)]++
    expect(chiSquared(thirds, [1 / 3, 1 / 3, 1 / 3])).toBeLessThan(23.1)
  })

  test('integer: from 0 to n − 1, including both ends', () => {
    const generator = new Generator(11)
    for (const n of [1, 2, 3, 6]) {
      const found = new Set(Array.from({ length: 300 }, () => generator.integer(n)))
      expect([...found].sort()).toEqual(Array.from({ length: n }, (_, i) => i))
    }
  })

  test.each([
    [3, 5, 6],
    [4, 23, 24],
  ] as const)('shuffle: every order of %i items is equally likely', (length, degrees, orders) => {
    const generator = new Generator(12)
    const counts = new Map<string, number>()
    for (let i = 0; i < count; i++) {
      const order = generator.shuffle(Array.from({ length }, (_, item) => item)).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(orders)
    expect(chiSquared([...counts.values()])).toBeLessThan(RARELY[degrees])
  })

  test('integer refuses an n that 32 bits cannot cover', () => {
    expect(() => new Generator(1).integer(2 ** 33)).toThrow(OptionError)
    expect(new Generator(1).integer(2 ** 32)).toBe(new Generator(1).bits())
  })

  test('shuffle keeps every item', () => {
    const items = Array.from({ length: 50 }, (_, i) => i)
    const shuffled = new Generator(4).shuffle([...items])
    expect(shuffled).not.toEqual(items)
    expect(shuffled.sort((a, b) => a - b)).toEqual(items)
  })

  test.each([-1, 0.5, Number.NaN, Infinity])('refuses the seed %s', (seed) => {
    expect(() => new Generator(seed)).toThrow(OptionError)
  })
})

test('manualSeed restarts the default generator', () => {
  manualSeed(9)
  const first = defaultGenerator().bits()
  manualSeed(9)
  expect(defaultGenerator().bits()).toBe(first)
})

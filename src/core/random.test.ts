import { describe, expect, test } from 'vitest'
import { OptionError } from './errors.js'
import { defaultGenerator, Generator, manualSeed } from './random.js'

const count = 100_000
const draw = (next: () => number) => Array.from({ length: count }, next)
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('Generator', () => {
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

  test('integer refuses more than its 32 bits can give', () => {
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

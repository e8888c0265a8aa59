import { expect, test } from 'vitest'
import { Generator } from '../../core/random.js'
import { Layout } from './layout.js'
import { sorted } from './sequences.js'

const generator = new Generator(1)
const random = (count: number, most: number) => Int32Array.from({ length: count }, () => 1 + generator.integer(most))

/** The rows of each part, and the parts of each group, as the kernels take them. */
const cut = <T>(values: ArrayLike<T>, size: number): T[][] =>
  Array.from({ length: Math.ceil(values.length / size) }, (_, i) => Array.from(values).slice(i * size, (i + 1) * size))

test.each([false, true])('each sequence has one row, behind longer ones of its part and group (dealt: %s)', (dealt) => {
  for (const count of [1, 2, 7, 20, 41]) {
    for (const group of [1, 2, 3, 4]) {
      const given = random(count, 9)
      const { order, lengths } = sorted(given, 4, group, dealt)
      expect([...order].filter((sequence) => sequence >= 0).sort((a, b) => a - b)).toEqual([...given.keys()])
      expect([...lengths]).toEqual(Array.from(order, (sequence) => given[sequence] ?? 0))
      for (const part of cut(lengths, 4)) expect(part).toEqual(part.toSorted((a, b) => b - a))
      const longest = cut(lengths, 4).map(([first]) => first)
      for (const parts of cut(longest, group)) expect(parts).toEqual(parts.toSorted((a, b) => b - a))
    }
  }
})

test('groups that take turns have about the same to do', () => {
  const { lengths } = sorted(
    Int32Array.from({ length: 64 }, (_, i) => i + 1),
    4,
    8,
    true,
  )
  const steps = cut(
    cut(lengths, 4).map(([longest]) => longest),
    8,
  ).map((parts) => parts.reduce((a, b) => a + b))
  expect(steps.reduce((a, b) => a + b)).toBe(4 * ((16 * 17) / 2))
  expect(Math.max(...steps) / Math.min(...steps)).toBeLessThan(1.15)
})

test('the rows that the kernels go through are as many as the steps of all sequences, and a part of four', () => {
  for (const [width, threads] of [
    [8, 1],
    [16, 2],
    [1, 2],
  ]) {
    for (const [batchSize, hiddenSize, numSteps] of [
      [32, 16, 35],
      [32, 400, 100],
      [128, 16, 20],
      [5, 3, 50],
    ]) {
      const lengths = random(batchSize, numSteps)
      const sizes = { cell: 'lstm', numSteps, batchSize, inputSize: 3, hiddenSize, reverse: false } as const
      const { rows, sequences } = new Layout({ width, panel: 16, threads }, { ...sizes, lengths })
      const work = cut(sequences!.lengths, rows).reduce((sum, [longest]) => sum + longest * rows, 0)
      const steps = lengths.reduce((sum, length) => sum + length)
      expect(work).toBeGreaterThanOrEqual(steps)
      // Sorted, each part goes on for at most as long as the shortest of the part before it.
      expect(work).toBeLessThanOrEqual(steps + 3 * Math.max(...lengths))
    }
  }
})

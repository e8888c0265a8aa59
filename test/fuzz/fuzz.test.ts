import { expect, test } from 'vitest'
import { FormatError, OptionError } from '../../src/core/errors.js'
import { fuzz, mutated, type Target } from './fuzz.js'
import { targets } from './targets.js'

// `npm run fuzz` reads a million files of each target.

test.each(targets)('mutated files of $name are read right or refused with a FormatError', async (target) => {
  for (const seed of target.seeds) await target.read(seed)
  // Models that are run, too, take longer than those that are only read.
  const count = target.expected ? 3000 : 600
  const { outcome, finding } = await fuzz(target, { seed: 0, count })
  expect(finding?.problem).toBeUndefined()
  expect(outcome.files).toBe(count)
  expect(outcome.read).toBeGreaterThan(count / 20)
  expect(outcome.growth).toBeLessThan(200e6)
})

test('a seed always gives the same file, and another seed another', () => {
  const [target] = targets
  expect(mutated(target, 7)).toEqual(mutated(target, 7))
  expect(mutated(target, 7)).not.toEqual(mutated(target, 8))
})

test.each<[string, Partial<Target>, RegExp]>([
  [
    'another error',
    {
      read: () => {
        throw new OptionError('no')
      },
    },
    /no/,
  ],
  ['what must be refused', { read: () => 1, expected: () => undefined }, /must be refused/],
  ['other values', { read: () => [0], expected: () => [-0] }, /not right/],
  [
    'the refusal of a valid file',
    {
      read: () => {
        throw new FormatError('no')
      },
      expected: () => 1,
    },
    /but it is valid/,
  ],
])('%s is found', async (_name, changed, problem) => {
  const target: Target = { name: 'x', seeds: [Uint8Array.of(1, 2, 3)], read: () => 1, ...changed }
  const { finding } = await fuzz(target, { seed: 5, count: 3 })
  expect(finding?.problem).toMatch(problem)
  expect(finding).toMatchObject({ seed: 5, file: mutated(target, 5) })
})

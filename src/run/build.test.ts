import { expect, test } from 'vitest'
import { SequenceData } from '../data/sequences.js'
import { idleSchedule } from './build.js'
import { type RunOptions, runDefaults } from './run-options.js'

// Four batches in each of three epochs make twelve steps, the last of which uses the rate set after step 11.
const data = new SequenceData(new Uint8Array(81), { batchSize: 2, numSteps: 10 })
const warning = (options: Partial<RunOptions>) =>
  idleSchedule({ ...runDefaults, epochs: 3, ...options } as RunOptions, data)

test.each<[Partial<RunOptions>, number]>([
  [{ schedule: 'step', decayEvery: 12 }, 12],
  [{ schedule: 'step', decayEvery: 1000 }, 1000],
  // The loss is best at epoch 1 and no better at epoch 2; epoch 3 is one too many.
  [{ schedule: 'plateau', plateauPatience: 1 }, 12],
  [{ schedule: 'plateau', plateauPatience: 2, validateEvery: 3 }, 12],
])('%j changes nothing before the end', (options, first) => {
  expect(warning(options)).toContain(
    `changes the learning rate after ${first} steps at the earliest, and this training has 12`,
  )
})

test('a cosine of one step has no second rate', () => {
  expect(warning({ schedule: 'cosine', epochs: 1, accumulate: 4 })).toContain('schedule cosine has no effect')
})

test.each<Partial<RunOptions>>([
  { schedule: 'constant' },
  { schedule: 'cosine' },
  { schedule: 'step', decayEvery: 11 },
  { schedule: 'plateau', plateauPatience: 0 },
  { schedule: 'plateau', plateauPatience: 1, validateEvery: 3 },
])('%j changes something', (options) => {
  expect(warning(options)).toBeUndefined()
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OptionError } from '../core/errors.js'
import { zeros } from '../tensor/create.js'
import { CosineLR, FixedLR, ReduceLROnPlateau, type Schedule, StepLR } from './schedules.js'
import { SGD } from './sgd.js'

// test/optimizers.test.ts compares learning rates with PyTorch's.

const begin = (...rates: number[]) => {
  return new SGD(
    rates.map((lr) => ({ params: [zeros([1])], lr })),
    { lr: 1 },
  )
}

const ratesOf = (schedule: Schedule, steps: number) =>
  Array.from({ length: steps }, () => {
    const { lr } = schedule
    schedule.step()
    return lr
  })

describe('CosineLR', () => {
  test('warms up to the full rate, and stays at minLr', () => {
    const rates = ratesOf(new CosineLR(begin(1), { totalSteps: 7, warmupSteps: 3, minLr: 0.1 }), 12)
    const expected = [1 / 4, 2 / 4, 3 / 4, 1, 0.1 + 0.9 * 0.853553, 0.55, 0.1 + 0.9 * 0.146447]
    expected.forEach((rate, i) => {
      expect(rates[i]).toBeCloseTo(rate, 5)
    })
    expect(rates.slice(7)).toEqual(Array(5).fill(0.1))
  })

  test('rises, falls, and stays within its bounds, whatever the sizes', () => {
    const sizes = fc
      .integer({ min: 1, max: 60 })
      .chain((totalSteps) =>
        fc.record({ totalSteps: fc.constant(totalSteps), warmupSteps: fc.integer({ min: 0, max: totalSteps - 1 }) }),
      )
    fc.assert(
      fc.property(sizes, ({ totalSteps, warmupSteps }) => {
        const rates = ratesOf(new CosineLR(begin(2), { totalSteps, warmupSteps }), totalSteps + 1)
        expect(rates[warmupSteps]).toBe(2)
        expect(rates[totalSteps]).toBe(0)
        for (let i = 1; i < rates.length; i++) expect(rates[i] > rates[i - 1]).toBe(i <= warmupSteps)
      }),
    )
  })
})

test('FixedLR does not change a learning rate set by hand', () => {
  const optimizer = begin(1, 0.5)
  const schedule = new FixedLR(optimizer)
  optimizer.groups[1].lr = 0.25
  schedule.step()
  expect(optimizer.groups.map(({ lr }) => lr)).toEqual([1, 0.25])
  expect(schedule.lr).toBe(1)
})

describe('ReduceLROnPlateau', () => {
  test('counts a loss that is NaN or infinite as no better', () => {
    const schedule = new ReduceLROnPlateau(begin(1), { patience: 1 })
    for (const loss of [2, Number.NaN, -Infinity]) schedule.step(loss)
    expect(schedule.lr).toBeCloseTo(0.1)
    expect(schedule.stateDict().best).toBe(2)
  })

  test('requires a loss', () => {
    const schedule: Schedule = new ReduceLROnPlateau(begin(1))
    expect(() => schedule.step()).toThrow(OptionError)
    expect(() => schedule.step()).toThrow(
      'ReduceLROnPlateau.step: loss is undefined, expected the held-out loss as a number',
    )
  })
})

test.each<[string, () => Schedule, string]>([
  ['stepSize 0', () => new StepLR(begin(1), { stepSize: 0 }), 'StepLR: stepSize is 0, expected a whole number of 1'],
  ['gamma −1', () => new StepLR(begin(1), { stepSize: 1, gamma: -1 }), 'StepLR: gamma is -1, expected a number of 0'],
  ['no steps', () => new CosineLR(begin(1), { totalSteps: 0 }), 'CosineLR: totalSteps is 0, expected a whole number'],
  [
    'warm-up to the end',
    () => new CosineLR(begin(1), { totalSteps: 5, warmupSteps: 5 }),
    'CosineLR: warmupSteps is 5, expected a whole number from 0 to 4',
  ],
  ['minLr NaN', () => new CosineLR(begin(1), { totalSteps: 5, minLr: Number.NaN }), 'CosineLR: minLr is NaN'],
  ['factor 1', () => new ReduceLROnPlateau(begin(1), { factor: 1 }), 'factor is 1, expected a number below 1'],
  ['patience 0.5', () => new ReduceLROnPlateau(begin(1), { patience: 0.5 }), 'patience is 0.5, expected a whole'],
  ['threshold 2', () => new ReduceLROnPlateau(begin(1), { threshold: 2 }), 'threshold is 2, expected a number from'],
])('%s is refused', (_name, wrong, message) => {
  expect(wrong).toThrow(OptionError)
  expect(wrong).toThrow(message)
})

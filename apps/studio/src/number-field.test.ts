import { expect, test } from 'vitest'
import { numberOf } from './number-field'

const rate = { least: 1e-6, most: 100, whole: false }
const count = { least: 1, most: 100_000, whole: true }

test.each([
  ['0.02', rate, 0.02],
  ['0,02', rate, 0.02],
  [' ,5 ', rate, 0.5],
  ['1e-3', rate, 0.001],
  ['0,0,2', rate, undefined],
  ['101', rate, undefined],
  ['', rate, undefined],
  ['many', rate, undefined],
  ['40', count, 40],
  ['50,000', count, 50_000],
  ['50.000', count, 50_000],
  ['1,5', count, undefined],
  ['1,50', count, undefined],
  ['1,000.000', count, undefined],
  ['0', count, undefined],
])('a field with %j is a number as people of both languages write it', (text, range, value) => {
  expect(numberOf(text, range)).toBe(value)
})

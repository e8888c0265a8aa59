import fc from 'fast-check'
import { expect, test } from 'vitest'
import { calendarNames } from '../../../../src/config.js'
import { kinds } from '../setup'
import { linked, queryOf, ranges, type SeriesSetup } from './setup'

const column = fc.string({ minLength: 1 })
const number = ({ least, most, whole }: { least: number; most: number; whole: boolean }) =>
  whole ? fc.integer({ min: least, max: most }) : fc.double({ min: least, max: most, noNaN: true })

test('a link holds all of a setup, whatever its columns are called', () => {
  const setups = fc
    .record({
      names: fc.uniqueArray(column, { minLength: 1, maxLength: 6 }),
      targets: fc.integer({ min: 1, max: 6 }),
      dateColumn: fc.option(column, { nil: undefined }),
      seriesColumn: fc.option(column, { nil: undefined }),
      gaps: fc.constantFrom('refuse', 'interpolate'),
      calendar: fc.option(fc.subarray([...calendarNames]), { nil: undefined }),
      cell: fc.constantFrom(...kinds.cell),
      ...Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, number(range)])),
    })
    .map(({ names, targets, ...rest }) => ({
      ...(rest as Partial<SeriesSetup> as SeriesSetup),
      ...{ target: names.slice(0, targets), features: names.slice(targets) },
    }))
  fc.assert(
    fc.property(column, setups, (table, setup) => {
      expect(linked(new URLSearchParams(String(queryOf(table, setup))))).toEqual({ table, setup })
    }),
  )
})

test('what a link says wrongly is as usual, and without a table or a column it is of none', () => {
  const wrong = 'series=a.csv&target=y&target=y&feature=y&window=-3&epochs=many&cell=conv&gaps=hide&calendar=moon'
  const usual = linked(new URLSearchParams('series=a.csv&target=y&calendar='))
  expect(linked(new URLSearchParams(wrong))).toEqual(usual)
  expect(linked(new URLSearchParams('target=y'))).toBeUndefined()
  expect(linked(new URLSearchParams('series=a.csv'))).toBeUndefined()
})

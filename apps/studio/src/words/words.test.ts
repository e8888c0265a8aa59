import { expect, test } from 'vitest'
import { languages } from './languages'

test.each(Object.entries(languages))('faults name controls as the page does: %s', (_, { faults, series, train }) => {
  expect(faults.gap('x.csv')).toContain(`“${series.gaps}: ${series.interpolate}”`)
  const changed = [
    'notNumber',
    'gap',
    'timeTwice',
    'noValues',
    'shortSeries',
    'constantColumn',
    'idleCalendar',
  ] as const
  for (const kind of changed) {
    expect(faults[kind]('x.csv', {})).toContain(`“${train.change}”`)
  }
})

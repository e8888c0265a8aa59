import { expect, test } from 'vitest'
import { languages } from './languages'

test.each(Object.entries(languages))('faults name controls as the page does: %s', (_, { faults, series, train }) => {
  expect(faults.gap('x.csv')).toContain(`“${series.gaps}: ${series.interpolate}”`)
  for (const kind of ['notNumber', 'gap', 'timeTwice'] as const) {
    expect(faults[kind]('x.csv')).toContain(`“${train.change}”`)
  }
})

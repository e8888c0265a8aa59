import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

test('the example of temperatures shows the model beside baselines, and is better than all of them', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const said: string[] = []
  try {
    await import('../examples/weather.js')
    for (const [line] of log.mock.calls) said.push(String(line))
  } finally {
    log.mockRestore()
  }
  const errors = Object.fromEntries(
    said.flatMap((line) => {
      const [, name, mae] = /^ {2}(.+?) +MAE ([\d.]+),/.exec(line) ?? []
      return name ? [[name, Number(mae)]] : []
    }),
  )
  const { 'the model': own, ...others } = errors
  expect(Object.keys(others)).toHaveLength(5)
  for (const mae of Object.values(others)) expect(own).toBeLessThan(mae)

  const rows = readFileSync('node_modules/vega-datasets/data/seattle-weather.csv', 'utf8').trim().split('\n')
  const highest = rows
    .map((row) => row.split(',')[rows[0].split(',').indexOf('temp_max')])
    .slice(1)
    .map(Number)
  const misses = Array.from({ length: 140 }, (_, i) => highest.length - 146 + i).flatMap((at) =>
    [0, 1, 2, 3, 4, 5, 6].map((step) => Math.abs(highest[at + step] - highest[at - 1])),
  )
  expect(errors.naive).toBeCloseTo(misses.reduce((sum, miss) => sum + miss) / misses.length, 3)

  const [, coverage] = /cover ([\d.]+) %/.exec(said.at(-1)!) ?? []
  expect(Math.abs(Number(coverage) - 90)).toBeLessThan(5)
})

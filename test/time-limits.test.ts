import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import { expect, test } from 'vitest'

// A machine that is busy with other work takes many times as long for everything. Time limits in tests only end hangs,
// and must be far above the few seconds that a test needs: 100 seconds or more.

const LEAST = 100_000

/** The limits in milliseconds that a test file sets for tests, hooks, waits of vitest and processes. */
function limitsIn(source: string): number[] {
  const number = String.raw`(\d[\d_]*)`
  const patterns = [
    // This is an option of spawnSync, execFileSync, vi.waitFor, test and the like.
    String.raw`\btimeout: ${number}`,
    // This is the last argument of a test or hook.
    String.raw`^(?: {2})?\}, ${number}\)`,
  ]
  return patterns.flatMap((pattern) =>
    [...source.matchAll(new RegExp(pattern, 'gm'))].map(([, limit]) => Number(limit.replaceAll('_', ''))),
  )
}

test('all kinds of limits are found', () => {
  expect(
    limitsIn("spawnSync(a, { timeout: 60_000 })\ntest('a', () => {\n}, 5000)\nvi.waitFor(b, { timeout: 9 })"),
  ).toEqual([60_000, 9, 5000])
})

const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).filter((file) => !file.includes('time-limits'))

test.each(files)('%s does not end anything that is only slow', (file) => {
  expect(limitsIn(readFileSync(file, 'utf8')).filter((limit) => limit < LEAST)).toEqual([])
})

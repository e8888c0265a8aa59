import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import { expect, test } from 'vitest'

// A machine that is busy with other work takes many times as long for everything. A time limit in a test is there to
// end a hang, and must be far above what the test needs, which is some seconds: 100 seconds or more.

const LEAST = 100_000

/** Limits in milliseconds that a test file gives to tests, hooks, waits of vitest and processes. */
function limitsIn(source: string): number[] {
  const number = String.raw`(\d[\d_]*)`
  const patterns = [
    // An option of spawnSync, execFileSync, vi.waitFor, test and the like.
    String.raw`\btimeout: ${number}`,
    // The last argument of a test or hook.
    String.raw`^(?: {2})?\}, ${number}\)`,
  ]
  return patterns.flatMap((pattern) =>
    [...source.matchAll(new RegExp(pattern, 'gm'))].map(([, limit]) => Number(limit.replaceAll('_', ''))),
  )
}

test('limits are found where they are', () => {
  expect(
    limitsIn("spawnSync(a, { timeout: 60_000 })\ntest('a', () => {\n}, 5000)\nvi.waitFor(b, { timeout: 9 })"),
  ).toEqual([60_000, 9, 5000])
})

const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).filter((file) => !file.includes('time-limits'))

test.each(files)('%s ends nothing that is only slow', (file) => {
  expect(limitsIn(readFileSync(file, 'utf8')).filter((limit) => limit < LEAST)).toEqual([])
})

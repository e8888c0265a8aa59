import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { SweepPlan } from '../../node.js'
import { Results } from './results.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-results-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('results of trials that end at the same time are all in the file', async () => {
  const plan = { texts: [] } as unknown as SweepPlan
  const results = await Results.open(folder, plan)
  const added = Array.from({ length: 100 }, (_, i) => ({ trial: i + 1, epochs: 1, seconds: 0 }))
  await Promise.all(added.map((result) => results.add(result)))
  expect((await Results.open(folder, plan)).all).toEqual(added)
})

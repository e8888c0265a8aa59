import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { FolderStore, startRun, textSource } from '../../src/node.js'
import { describeStudio, shells } from './studio.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-watched-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const runs = ['first', 'second'].map((name) => path.join(folder, name))

for (const run of runs) {
  const options = { hiddenSize: 8, batchSize: 8, numSteps: 20, epochs: 12, seed: runs.indexOf(run) }
  const training = await startRun(new FolderStore(run), textSource(shells), options)
  for await (const _ of training.events());
  await training.close()
}

describeStudio(
  'watching trainings of this machine',
  (studio) => {
    test('compares them, and takes the model of one', async () => {
      const { tab } = studio
      await studio.open('library')
      await tab.getByRole('img', { name: 'Perplexity of first, second over' }).waitFor()
      await expect.poll(() => tab.locator('.u-legend').textContent(), { timeout: 120_000 }).toContain('second')
      await tab.locator('.run', { hasText: 'second' }).getByRole('link', { name: 'Write' }).click()
      await tab.getByLabel('Your text').fill('she')
      await expect.poll(() => tab.locator('.alternatives button').count(), { timeout: 120_000 }).toBeGreaterThan(0)
      expect(await tab.locator('.choice select').first().inputValue()).toBe('machine second')
      await tab.getByRole('link', { name: 'Look inside' }).click()
      await tab.getByLabel('The text that it reads').fill('she sells')
      await expect.poll(() => tab.locator('.coloured button').count(), { timeout: 120_000 }).toBe(9)
      await tab.getByRole('img', { name: 'Singular values from' }).waitFor()
    })
  },
  { server: { runs } },
)

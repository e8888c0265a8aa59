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
      await tab
        .locator('.run', { hasText: 'second' })
        .getByText(/^RNN · 8 units · 1 layer · epoch 12, perplexity [\d.]+ · ended$/)
        .waitFor()
      // The first heading is that of the trainings that were asked for.
      expect(await tab.locator('h1').first().textContent()).toBe('Trainings of this machine')
      await tab.locator('.run', { hasText: 'second' }).getByRole('link', { name: 'Write' }).click()
      await tab.getByLabel('Your text').fill('she')
      await expect.poll(() => tab.locator('.alternatives button').count(), { timeout: 120_000 }).toBeGreaterThan(0)
      expect(await tab.locator('.choice select').first().inputValue()).toBe('machine second')
      await tab.getByRole('link', { name: 'Look inside' }).click()
      await tab.getByLabel('The text that it reads').fill('she sells')
      await expect.poll(() => tab.locator('.coloured button').count(), { timeout: 120_000 }).toBe(9)
      await tab.getByRole('img', { name: 'Singular values from' }).waitFor()
    })

    test('one that is gone is told, and the others are drawn', async () => {
      const { tab } = studio
      // A real answer of this kind would be a complaint of the browser’s.
      await tab.addInitScript(() => {
        const real = globalThis.fetch
        globalThis.fetch = async (...given) => {
          const answer = await real(...given)
          return String(given[0]).includes('/machine/0/history') ? new Response('it is gone', { status: 500 }) : answer
        }
      })
      await studio.open('library')
      await tab.getByRole('alert').getByText('first cannot be read any more').waitFor()
      await tab.locator('.run', { hasText: 'first' }).getByText('cannot be read').waitFor()
      await tab.locator('.run', { hasText: 'second' }).getByText('epoch 12').waitFor()
      await expect.poll(() => tab.locator('.u-legend').textContent(), { timeout: 120_000 }).toContain('second')
      expect(await tab.locator('.u-legend').textContent()).not.toContain('first')
    })
  },
  { server: { runs } },
)

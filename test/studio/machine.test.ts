import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import {
  FolderStore,
  labelSource,
  readHistory,
  seriesSource,
  startLabelRun,
  startRun,
  startSeriesRun,
  textSource,
} from '../../src/node.js'
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

const [forecasting, labelling] = ['sales', 'days'].map((name) => path.join(folder, name))
const days = Array.from({ length: 90 }, (_, i) => new Date(i * 86_400_000).toISOString().slice(0, 10))
const series = `date,sales\n${days.map((day, i) => `${day},${i % 7}`).join('\n')}\n`
const labels = `text,label\n${days.map((_, i) => (i % 2 ? 'good day,yes' : 'bad day,no')).join('\n')}\n`
const small = { cell: 'gru', hiddenSize: 8, epochs: 2 } as const
const read = { target: 'sales', window: 7, horizon: 1, validation: 0.1, test: 0.1 }
const others = [
  await startSeriesRun(new FolderStore(forecasting), seriesSource(series, 'sales.csv', read), small),
  await startLabelRun(
    new FolderStore(labelling),
    labelSource(labels, 'days.csv', { textColumn: 'text', labelColumn: 'label' }),
    small,
  ),
]
for (const training of others) {
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

describeStudio(
  'watching trainings of this machine on series and labels',
  (studio) => {
    test('each kind has its own measure and axes, and only what can be done with it; both languages name the commands', async () => {
      const { tab } = studio
      await studio.open('library')
      const row = (name: string) => tab.locator('.run', { hasText: name })
      const lossOf = async (run: string) =>
        (await readHistory(path.join(run, 'history.jsonl'))).findLast((event) => event.type === 'epoch')!
      for (const [run, title, measure, command] of [
        [forecasting, 'Mean absolute error of sales over', 'training error', 'unrolled forecast'],
        [labelling, 'Cross entropy of days over', 'cross entropy', 'unrolled label'],
      ] as const) {
        const name = path.basename(run)
        await tab.getByRole('img', { name: title }).waitFor()
        const told = row(name).getByText(/^GRU · 8 units · 1 layer · epoch 2, .* · ended$/)
        const [, loss] = new RegExp(`${measure} ([\\d.]+)`).exec((await told.textContent())!)!
        expect(Number(loss)).toBeCloseTo((await lossOf(run)).loss, 2)
        expect(await row(name).getByRole('link').count()).toBe(0)
        expect(await row(name).locator('code').allTextContents()).toEqual([command, 'unrolled eval'])
      }
      await tab.getByRole('img', { name: 'Perplexity of first over' }).waitFor()
      expect(await row('first').getByRole('link').count()).toBe(2)
      expect(await tab.locator('.u-legend').count()).toBe(3)
      await tab.locator('header select').selectOption('pt-BR')
      await row('sales')
        .getByText(/época 2, erro no treinamento [\d,]+ · terminado$/)
        .waitFor()
      await row('days')
        .getByText(/época 2, entropia cruzada [\d,]+ · terminado$/)
        .waitFor()
      await tab.getByRole('heading', { name: 'Rótulos lado a lado: entropia cruzada' }).waitFor()
    })
  },
  { server: { runs: [runs[0], forecasting, labelling] } },
)

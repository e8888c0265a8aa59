import { readFile } from 'node:fs/promises'
import { unzipSync } from 'fflate'
import { expect, test } from 'vitest'
import { decodeForecaster, forecast, readSeriesFor, type SeriesData, type SeriesFiles } from '../../src/index.js'
import { describeStudio } from './studio.js'

const day = (i: number) => new Date(Date.UTC(2024, 0, 1) + i * 86_400_000).toISOString().slice(0, 10)
const rows = (count: number) => Array.from({ length: count }, (_, i) => `${day(i)},${10 + 3 * (i % 7)},${i % 5}`)
const csv = `date,sales,wind\n${rows(200).join('\n')}\n`

describeStudio('trainings on series that the studio keeps', (studio) => {
  const setup = { 'Hidden units': '8', Epochs: '60' }
  const series = 'sales, gru 8'

  async function begin(fields: Record<string, string> = setup): Promise<void> {
    const { tab, button } = studio
    await studio.drop('sales.csv', csv)
    const dialog = tab.locator('dialog')
    await dialog.getByRole('group', { name: 'What else it sees' }).getByLabel('wind').check()
    for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label).fill(value)
    await button('Use this').click()
    await button('Start training').click()
  }

  const isDone = () => studio.tab.getByText('Done. The model is kept in this browser.').waitFor()

  /** What the library saves of a run. */
  const saved = async (name: string) => decodeForecaster(unzipSync(await studio.saved(name)) as SeriesFiles, name)

  async function remove(): Promise<void> {
    const { tab, button } = studio
    await tab.locator('nav').getByRole('link', { name: 'Library' }).click()
    await button('Remove').click()
    await tab.getByText('None yet.', { exact: true }).waitFor()
  }

  test('one goes on after a reload, to the same bits as one that was not stopped', async () => {
    const { tab, button } = studio
    // Long enough that it is not over before it is paused.
    const long = { ...setup, Epochs: '160' }
    tab.on('dialog', (dialog) => dialog.accept())
    await studio.open('train')
    await begin(long)
    await isDone()
    await tab.locator('.errors').waitFor()
    const told = await tab.locator('.errors').textContent()
    const whole = await saved(series)
    await remove()

    await tab.locator('nav').getByRole('link', { name: 'Train', exact: true }).click()
    await studio.open('train')
    await begin(long)
    await expect.poll(() => studio.figure('training error'), { timeout: 120_000 }).toBeGreaterThan(0)
    await button('Pause').click()
    await tab.getByText('Paused.').waitFor()
    await tab.reload()
    await button(`Go on with ${series}`).click()
    await tab.getByText(/^continuing after step \d+$/).waitFor()
    await tab.getByRole('heading', { name: 'A GRU forecasts sales of sales.csv' }).waitFor()
    await isDone()
    await tab.locator('.errors').waitFor()
    expect(await tab.locator('.errors').textContent()).toBe(told)
    const resumed = await saved(series)
    expect(resumed.model.stateDict()).toEqual(whole.model.stateDict())
    expect([resumed.spec, resumed.intervals]).toEqual([whole.spec, whole.intervals])
  })

  test('after a reload, one that has ended is listed, forecasts, trains on, and stands beside another', async () => {
    const { tab, button } = studio
    await studio.open('train')
    await begin({ ...setup, Epochs: '2' })
    await isDone()
    await tab.locator('.errors').waitFor()
    await button('Train again').click()
    await tab.locator('.errors').waitFor({ state: 'detached' })
    await tab.locator('.errors').waitFor()
    await tab.reload()
    await tab.locator('nav').getByRole('link', { name: 'Library' }).click()
    const row = tab.locator('.run', { has: tab.getByText(`${series} (2)`, { exact: true }) })
    await row.getByText(/^epoch 2, training error 0\.\d+, held out 0\.\d+/).waitFor()
    for (const name of [series, `${series} (2)`]) await tab.getByLabel(`Compare ${name}`, { exact: true }).check()
    await tab.getByRole('img', { name: /^Mean absolute error of .* over [1-9]/ }).waitFor()
    expect((await saved(series)).model.stateDict()).toEqual((await saved(`${series} (2)`)).model.stateDict())
    // Models of series are not among those that write.
    await tab.locator('nav').getByRole('link', { name: 'Write' }).click()
    await tab.getByText('Train a model first').waitFor()
    expect(await tab.getByLabel('Model').locator('option').allTextContents()).toEqual(['no model yet'])

    await tab.locator('nav').getByRole('link', { name: 'Library' }).click()
    await row.getByRole('link', { name: 'Forecast' }).click()
    await tab.getByRole('img', { name: /^Forecast of sales: / }).waitFor()
    await tab.getByLabel('More epochs').fill('1')
    await button('More epochs').click()
    await tab.getByText('continuing after step').waitFor()
    await isDone()
    await tab.locator('.errors').waitFor()
    await tab.locator('nav').getByRole('link', { name: 'Library' }).click()
    await row.getByText(/^epoch 3, /).waitFor()
    await row.getByRole('link', { name: 'Show' }).click()
    await tab.locator('.marks').getByText('3 epochs').waitFor()
  })

  test('another tab is kept out of one that trains, and goes on with it when its page is closed', async () => {
    const { tab } = studio
    await studio.open('train')
    await begin({ ...setup, Epochs: '10000' })
    await expect.poll(() => studio.figure('training error'), { timeout: 120_000 }).toBeGreaterThan(0)
    const other = await tab.context().newPage()
    await other.goto(`${studio.url}#/library`)
    await other.getByRole('link', { name: 'Go on' }).click()
    await studio.says('inUse', 'sales.csv', other)
    // What it has learned so far can be saved.
    await other.locator('nav').getByRole('link', { name: 'Library' }).click()
    const [download] = await Promise.all([
      other.waitForEvent('download'),
      other.getByLabel(`Save ${series} as a file`).selectOption('zip'),
    ])
    const bytes = new Uint8Array(await readFile(await download.path()))
    const { intervals } = await decodeForecaster(unzipSync(bytes) as SeriesFiles, series)
    expect(intervals?.widths.length).toBeGreaterThan(0)
    await tab.close()
    await other.goto(`${studio.url}#/library`)
    await other.reload()
    await other.getByRole('link', { name: 'Go on' }).click()
    await other.getByText(/^continuing after step \d+$/).waitFor()
    await other.getByRole('button', { name: 'Stop' }).click()
    await other.locator('.errors').waitFor()
  })

  test('a link holds how to forecast; the page asks for the file, and trains the same as who shared it', async () => {
    const { tab, button } = studio
    await studio.open('train')
    await begin({ ...setup, 'Values that it reads': '14', 'Learning rate': '0.02', Epochs: '3' })
    await isDone()
    await button('Copy link').click()
    await button('Copied').waitFor()
    const link = tab.url()
    expect(link).not.toContain('2024')
    const first = await saved(series)

    await tab.goto('about:blank')
    await tab.goto(link)
    await tab.getByRole('heading', { name: 'A GRU forecasts sales of sales.csv' }).waitFor()
    for (const mark of ['8 units', 'reads 14 values', 'sees wind', '3 epochs']) {
      await tab.locator('.marks').getByText(mark, { exact: true }).waitFor()
    }
    await tab.getByText('This link holds how to forecast sales.csv, but not the file itself').waitFor()
    const pick = (name: string, content: string) =>
      tab.getByLabel('Choose sales.csv…').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(content) })
    await pick('rain.csv', 'date,rain\n2024-01-01,1\n2024-01-02,2\n')
    await studio.says('otherTable', 'rain.csv')
    await tab.getByText('sales, wind', { exact: true }).waitFor()
    await pick('sales.csv', csv)
    await button('Start training').click()
    await isDone()
    const second = await saved(`${series} (2)`)
    expect(second.model.stateDict()).toEqual(first.model.stateDict())

    await tab.goto('about:blank')
    await tab.goto(link.replace('sales.csv', 'vendas.csv'))
    await tab.getByLabel('Language').selectOption('pt-BR')
    await tab.getByText('Este link traz como prever vendas.csv, mas não o arquivo').waitFor()
    await button('Voltar aos textos').click()
    await tab.getByRole('heading', { name: 'Uma LSTM lê Moby Dick' }).waitFor()
  })

  test('the next training begins with a kept model, on its own table or another with the same columns', async () => {
    const { tab, button } = studio
    await studio.open('train')
    await begin({ ...setup, 'Values that it reads': '14', Epochs: '2' })
    await isDone()
    const first = await saved(series)
    await tab.getByRole('link', { name: 'Train from it' }).click()
    await tab.getByRole('heading', { name: 'A GRU forecasts sales of sales.csv' }).waitFor()
    await button('Change…').click()
    const dialog = tab.locator('dialog')
    await dialog.getByText(`are those of ${series}, which the training begins with.`).waitFor()
    expect(await dialog.locator('label').allInnerTexts()).not.toContain('Values that it reads')
    // A rate this small leaves the model as it was.
    for (const [label, value] of [
      ['Epochs', '1'],
      ['Learning rate', '0.000001'],
      ['Held out to validate', '0.2'],
    ]) {
      await dialog.getByLabel(label).fill(value)
    }
    await button('Use this').click()
    await studio.drop('rain.csv', 'date,rain\n2024-01-01,1\n2024-01-02,2\n')
    await studio.says('otherTable', 'rain.csv')
    await studio.drop('more.csv', `date,sales,wind\n${rows(230).join('\n')}\n`)
    await tab.getByRole('heading', { name: 'A GRU forecasts sales of more.csv' }).waitFor()
    await tab.locator('.marks').getByText(`begins with ${series}`).waitFor()
    await button('Start training').click()
    await isDone()
    const second = await saved('more, gru 8')
    expect([second.spec.window, second.spec.validation, second.spec.scales]).toEqual([14, 0.2, first.spec.scales])
    for (const [name, { data }] of Object.entries(first.model.stateDict())) {
      const { data: found } = second.model.stateDict()[name]
      expect([...found]).toEqual([...data].map((value) => expect.closeTo(value, 3)))
    }
    // Without the model, the same table begins anew.
    await tab.getByRole('link', { name: 'Show' }).click()
    await button('Begin with new weights').click()
    await tab.locator('.marks').getByText('begins with').waitFor({ state: 'detached' })
    await button('Train again').click()
    await isDone()
    const { model } = await saved('more, gru 8 (2)')
    expect(model.stateDict()['linear.weight'].data).not.toEqual(second.model.stateDict()['linear.weight'].data)
  })

  test('a model of series is looked into, from any place of its table, also while it trains', async () => {
    const { tab, button } = studio
    const marks = () => tab.locator('.coloured button')
    const view = (name: string) => tab.locator('nav').getByRole('link', { name, exact: true }).click()
    await studio.open('train')
    await begin({ ...setup, Epochs: '10000' })
    await expect.poll(() => studio.figure('training error'), { timeout: 120_000 }).toBeGreaterThan(0)
    await view('Look inside')
    await expect.poll(() => marks().count(), { timeout: 120_000 }).toBe(35)
    const picture = tab.locator('.square canvas')
    const drawn = () => picture.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL())
    const before = await drawn()
    await expect.poll(drawn, { timeout: 120_000 }).not.toBe(before)
    await view('Train')
    await button('Stop').click()
    await tab.locator('.errors').waitFor()

    const forecaster = await saved(series)
    const data = await readSeriesFor(forecaster.spec, csv, 'sales.csv')
    const forecasts = async (known: SeriesData) =>
      (await forecast(forecaster, known)).map(({ forecast }) => String(Number(forecast.toPrecision(4))))
    const values = (first: number) => Array.from({ length: 28 }, (_, i) => String(10 + 3 * ((first + i) % 7)))
    await tab.getByRole('link', { name: 'Look inside' }).last().click()
    const shown = () => marks().allTextContents()
    await expect.poll(shown, { timeout: 120_000 }).toEqual([...values(172), ...(await forecasts(data))])
    const slider = tab.getByRole('slider', { name: 'It knows the values until Jul ' })
    expect(await slider.getAttribute('aria-valuetext')).toBe('Jul 18, 2024')
    await slider.press('ArrowLeft')
    await expect.poll(shown).toEqual([...values(171), ...(await forecasts(data.withoutLast(1)))])
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toBe('Jul 17, 2024')
    await tab.getByLabel('Shown').selectOption('update gate z')
    await tab.locator('.matrix canvas').first().hover()
    await tab.getByText(/^unit \d+, peaks at .* 2024, .* 2024: [\d.]+: 0\.\d+$/).waitFor()
    await tab.getByRole('img', { name: /^Gradient norms over 35 steps back: / }).waitFor()
    await tab.getByRole('img', { name: /^Singular values from / }).waitFor()
  })

  test('while a large table is read, the page shows how far it is', async () => {
    const { tab } = studio
    await studio.open('train')
    await tab.evaluate(`{
      globalThis.seen = new Set()
      const look = () => {
        const bar = document.querySelector('progress')
        if (bar) seen.add(bar.value)
        requestAnimationFrame(look)
      }
      look()
    }`)
    const file = {
      name: 'large.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(`sales\n${'12.5\n'.repeat(1_000_000)}`),
    }
    await studio.button('Change…').click()
    await tab.locator('dialog input[type=file]').setInputFiles(file)
    await tab.getByText('What to forecast of large.csv').waitFor()
    // Frames between the beginning and the end of the work: the page was not blocked by it.
    const seen = await tab.evaluate<number[]>('[...seen]')
    expect(seen.length).toBeGreaterThan(2)
    expect(Math.max(...seen)).toBeLessThanOrEqual(1)
    expect(await tab.locator('progress').count()).toBe(0)
  })
})

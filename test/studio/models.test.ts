import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { exportModel, unzipFiles } from '../../src/formats.js'
import {
  encodeModel,
  forecast,
  Generator,
  GRU,
  LSTM,
  RNNModel,
  readSeries,
  readSeriesFor,
  SeriesModel,
  trainSeries,
  unzipModel,
  Vocab,
  zipForecaster,
} from '../../src/index.js'
import { describeStudio, shells } from './studio.js'

const generator = new Generator(5)
const vocab = Vocab.count(shells)
const rnn = new GRU({ inputSize: vocab.size, hiddenSize: 12, generator })
const model = new RNNModel(rnn, vocab.size, { generator })
const small = 'cell=gru&hiddenSize=16&batchSize=8&numSteps=20'

describeStudio('models in the studio', (studio) => {
  const done = () => studio.tab.getByText('Done. The model is kept in this browser.').waitFor()
  const row = (name: string) => studio.tab.locator('.run', { has: studio.tab.getByText(name, { exact: true }) })
  const library = () => studio.tab.locator('nav').getByRole('link', { name: 'Library' }).click()

  /** Chooses files in the library. */
  async function choose(files: Readonly<Record<string, Uint8Array>>): Promise<void> {
    await studio.open('library')
    const chosen = Object.entries(files).map(([name, bytes]) => {
      return { name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) }
    })
    await studio.tab.getByLabel('Open a model…').setInputFiles(chosen)
  }

  test('a text that is opened as a model is trained on, and a table is forecast', async () => {
    const { tab } = studio
    await choose({ 'shells.txt': new TextEncoder().encode(shells) })
    await tab.getByRole('heading', { name: 'An LSTM reads shells' }).waitFor()
    await choose({ 'sales.csv': new TextEncoder().encode('date,sales\n2024-01-01,1\n2024-01-02,2\n') })
    await tab.locator('dialog').getByText('What to forecast of sales.csv').waitFor()
  })

  test('the files of a model folder, and a model of another framework with its tokens, are kept across reloads', async () => {
    const { tab } = studio
    await choose(await encodeModel(model, vocab))
    await row('model').waitFor()
    const { 'model.safetensors': weights } = await exportModel(model, vocab, 'safetensors')
    await choose({ 'theirs.safetensors': weights })
    await studio.says('noVocabulary', 'theirs.safetensors')
    const tokens = new TextEncoder().encode(JSON.stringify(vocab.tokens))
    await choose({ 'theirs.safetensors': weights, 'tokens.json': tokens })
    await row('theirs').waitFor()
    const { 'model.onnx': onnx } = await exportModel(model, vocab, 'onnx')
    await studio.drop('dropped.onnx', onnx)
    await row('dropped').waitFor()
    await tab.reload()
    for (const name of ['model', 'theirs', 'dropped']) {
      const kept = await unzipModel(await studio.saved(name))
      expect(kept.vocab.tokens).toEqual(vocab.tokens)
      expect(kept.model.stateDict()).toEqual(model.stateDict())
    }
    // Files that name each other come in a zip, under the names that they know each other by.
    const zip = await studio.saved('model', 'tfjs')
    const { 'model.json': json } = unzipFiles(zip, 'zip', ['model.json'])
    const { weightsManifest } = JSON.parse(new TextDecoder().decode(json))
    const shards: string[] = weightsManifest[0].paths
    expect(Object.keys(unzipFiles(zip, 'zip', shards))).toEqual(shards)
    await studio.drop('for tensorflow.zip', zip)
    await row('for tensorflow').waitFor()
    const again = await unzipModel(await studio.saved('for tensorflow'))
    expect(again.vocab.tokens).toEqual(vocab.tokens)
    expect(again.model.stateDict()).toEqual(model.stateDict())
    await tab
      .locator('.run')
      .getByLabel('Save theirs as a file')
      .getByText(/^keras \(only by/)
      .waitFor({ state: 'attached' })
    await row('theirs').getByRole('link', { name: 'Write' }).click()
    await tab.getByLabel('Your text').fill('she sells')
    await expect.poll(() => tab.locator('.alternatives button').count()).toBeGreaterThan(0)
    expect(await tab.locator('.choice select').first().inputValue()).toBe('model theirs')
    tab.on('dialog', (dialog) => dialog.accept())
    await library()
    await row('theirs').getByRole('button', { name: 'Remove' }).click()
    await row('theirs').waitFor({ state: 'detached' })
    expect(await tab.locator('.run').count()).toBe(3)
  })

  test('a model of series asks for its table, forecasts it as in Node, and is kept with it', async () => {
    const { tab } = studio
    const rows = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => {
        const day = new Date(Date.UTC(2024, 0, 1) + (from + i) * 86_400_000).toISOString().slice(0, 10)
        return `${day},${10 + 3 * ((from + i) % 7)},${(from + i) % 5}`
      })
    const table = (...lines: string[]) => ['date,sales,wind', ...lines, ''].join('\n')
    const how = { target: 'sales', features: ['wind'], window: 14, horizon: 7, validation: 30, test: 14 }
    const data = await readSeries(table(...rows(0, 200)), 'sales.csv', { ...how, generator: new Generator(1) })
    const rnn = new LSTM({ inputSize: data.inputSize, hiddenSize: 6, generator })
    const series = new SeriesModel(rnn, data.sizes, { generator })
    const forecaster = await trainSeries(series, data, { epochs: 3, lr: 0.01 })
    const zip = await zipForecaster(forecaster)

    const give = (name: string, text: string) =>
      row('weekly')
        .locator('input[type=file]')
        .setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) })
    /** The numbers of the forecast that the page saves, and the model's own. */
    const same = async (name: string, text: string) => {
      await tab.getByRole('heading', { name: `An LSTM forecasts sales of ${name}` }).waitFor()
      await tab.getByRole('img', { name: /^Forecast of sales: / }).waitFor()
      const [download] = await Promise.all([
        tab.waitForEvent('download'),
        studio.button('Save the forecast (CSV)').click(),
      ])
      const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n').slice(1)
      const own = await forecast(forecaster, await readSeriesFor(data.spec, text, name))
      const values = own.flatMap(({ date, forecast, low, high }) => [date, forecast, low, high])
      const found = lines.flatMap((line) => line.split(',').filter((_, i) => i !== 1 && i !== 2))
      expect(found).toHaveLength(values.length)
      for (const [i, value] of values.entries()) {
        if (typeof value === 'number') expect(Number(found[i])).toBeCloseTo(value, 5)
        else expect(found[i]).toBe(value)
      }
    }

    const folder = unzipFiles(zip, 'zip', ['config.json', 'model.safetensors']) as Record<string, Uint8Array>
    await choose({ ...folder, 'config.json': new TextEncoder().encode('{"format": "unrolled series"}') })
    await studio.says('notModel', 'model.safetensors')
    await choose(folder)
    await row('model').getByText('This model forecasts sales').waitFor()
    await choose({ 'weekly.zip': zip })
    await row('weekly').getByText('This model forecasts sales (columns sales, wind, dates; 14 steps → 7).').waitFor()
    // Without a table there is nothing to look at, and it is no model that writes.
    await tab.locator('nav').getByRole('link', { name: 'Look inside' }).click()
    await tab.getByText('Train a model first').waitFor()
    await library()
    const first = table(...rows(0, 190))
    await give('rain.csv', 'date,rain\n2024-01-01,1\n2024-01-02,2\n')
    await studio.says('otherTable', 'rain.csv')
    await tab.getByText('sales, wind', { exact: true }).waitFor()
    await give('short.csv', table(...rows(0, 9)))
    await studio.says('shortTable', 'short.csv', tab, { values: 9, needed: 14 })
    await give('hours.csv', table(...rows(0, 30).map((line, i) => line.replace(/^[^,]+/, String(2000 + i)))))
    await studio.says('otherStep', 'hours.csv')
    await give('odd.csv', table(...rows(0, 30)).replace(',13,', ',x,'))
    await studio.says('notNumber', 'odd.csv')
    await row('weekly').getByText('Choose a CSV file with these columns').waitFor()
    await give('first.csv', first)
    await same('first.csv', first)
    await tab.locator('.errors').getByText('this model').waitFor()

    await tab.reload()
    await library()
    await row('weekly').getByText('Its table is first.csv.').waitFor()
    await row('weekly').getByRole('link', { name: 'Forecast' }).click()
    await same('first.csv', first)
    await library()
    await row('weekly').getByRole('link', { name: 'Look inside' }).click()
    await expect.poll(() => tab.locator('.coloured button').count()).toBe(21)
    expect(
      await tab.locator('.choice optgroup').evaluateAll((all) => all.map((one) => one.getAttribute('label'))),
    ).toEqual(['Models'])

    // Another table, too short for what was held out in the training, takes the place of the first.
    await library()
    const second = table(...rows(100, 116))
    await give('second.csv', second)
    await same('second.csv', second)
    await tab.getByText('What comes after the end of the file.').waitFor()

    await library()
    await row('weekly').getByRole('link', { name: 'Train from it' }).click()
    await tab.getByText('begins with weekly').waitFor()
    await tab.locator('.marks').getByText('6 units').waitFor()
    expect(
      Object.keys(unzipFiles(await studio.saved('weekly'), 'zip', ['config.json', 'model.safetensors'])),
    ).toHaveLength(2)
    tab.on('dialog', (dialog) => dialog.accept())
    await row('weekly').getByRole('button', { name: 'Remove' }).click()
    await row('weekly').waitFor({ state: 'detached' })
  })

  test('a training begins with a kept model, whose weights it trains on', async () => {
    const { tab, button } = studio
    await choose(await encodeModel(model, vocab))
    await row('model').getByRole('link', { name: 'Train from it' }).click()
    await tab.getByText('begins with model').waitFor()
    await tab.getByText('12 units').waitFor()
    // With the smallest rate and one epoch, the weights stay nearly what they were.
    await studio.train(shells, 'cell=lstm&hiddenSize=99&batchSize=8&numSteps=20&epochs=1&lr=0.000001&validation=0')
    await done()
    const trained = (await unzipModel(await studio.saved('shells, gru 12'))).model.stateDict()
    for (const [name, { data }] of Object.entries(model.stateDict())) {
      const changes = Array.from(data, (value, i) => Math.abs(value - trained[name].data[i]))
      expect(Math.max(...changes), name).toBeLessThan(1e-3)
    }
    expect(trained).not.toEqual(model.stateDict())
    await tab.locator('nav').getByRole('link', { name: 'Train', exact: true }).click()
    await button('Begin with new weights').click()
    await tab.getByText('begins with model').waitFor({ state: 'detached' })
  })

  test('a finished training goes on for more epochs, to the same bits as one that had them all', async () => {
    const { tab, button } = studio
    await studio.train(shells, `${small}&epochs=5&seed=1`)
    await done()
    const whole = await unzipModel(await studio.saved('shells, gru 16'))
    // What the page says of the first training would be taken for what it says of the second.
    await tab.reload()
    await studio.train(shells, `${small}&epochs=2&seed=1`)
    await done()
    await tab.getByLabel('More epochs').fill('3')
    await button('More epochs').click()
    await library()
    await row('shells, gru 16 (2)')
      .getByText(/^epoch 5,/)
      .waitFor()
    await tab.locator('nav').getByRole('link', { name: 'Train', exact: true }).click()
    await done()
    const more = await unzipModel(await studio.saved('shells, gru 16 (2)'))
    expect(more.model.stateDict()).toEqual(whole.model.stateDict())
  })

  test('after a reload in the middle, a training goes on to the same bits, and the library shows its whole curve', async () => {
    const { tab, button } = studio
    await studio.train(shells, `${small}&epochs=120`)
    await done()
    const whole = await unzipModel(await studio.saved('shells, gru 16'))
    // What the page says of the first training would be taken for what it says of the second.
    await tab.reload()
    await studio.train(shells, `${small}&epochs=120`)
    await expect.poll(() => studio.figure('perplexity'), { timeout: 120_000 }).toBeLessThan(5)
    await button('Pause').click()
    // A checkpoint comes after three seconds; what came after it is made again.
    await tab.reload()
    await button('Go on with shells, gru 16 (2)').click()
    await done()
    const resumed = await unzipModel(await studio.saved('shells, gru 16 (2)'))
    expect(resumed.model.stateDict()).toEqual(whole.model.stateDict())
    await row('shells, gru 16').getByRole('checkbox').check()
    await row('shells, gru 16 (2)').getByRole('checkbox').check()
    const both = tab.getByRole('img', { name: 'Perplexity of shells, gru 16, shells, gru 16 (2) over' })
    await both.waitFor()
  })
})

import { expect, test } from 'vitest'
import { unzipModel } from '../../src/index.js'
import { describeStudio, shells } from './studio.js'

describeStudio('training in the studio', (studio) => {
  const told = () => studio.tab.locator('[role=img]').getAttribute('aria-label')

  test('trains on a file of one’s own to a perplexity below 3, pauses, goes on and stops', async () => {
    const { tab, button } = studio
    await studio.train(shells, 'hiddenSize=32&batchSize=8&numSteps=20&epochs=5000')
    await tab.getByRole('heading', { name: 'An LSTM reads shells' }).waitFor()
    await expect.poll(() => studio.figure('perplexity'), { timeout: 120_000 }).toBeLessThan(3)
    await button('Pause').click()
    await tab.getByText('Paused.').waitFor()
    await tab.waitForTimeout(300)
    const before = await told()
    await tab.waitForTimeout(300)
    expect(await told()).toBe(before)
    await button('Go on').click()
    await expect.poll(told, { timeout: 120_000 }).not.toBe(before)
    expect(await tab.locator('.samples li').count()).toBeGreaterThan(0)
    await button('Stop').click()
    await tab.getByText('Stopped. The model is kept in this browser.').waitFor()
  })

  test('trains a minimal cell, which can be looked into as far as there is something to see', async () => {
    const { tab, button } = studio
    await studio.open('train?hiddenSize=16&epochs=2&maxTokens=3000')
    await button('Change…').click()
    expect(await tab.getByText('They have no recurrent weights').count()).toBe(0)
    await tab.getByLabel('Cell').selectOption('minLSTM')
    await tab.getByText('They have no recurrent weights').waitFor()
    await button('Use this').click()
    await tab.locator('.marks').getByText('minLSTM').waitFor()
    await button('Start training').click()
    await tab.getByText('Done. The model is kept in this browser.').waitFor()
    await tab.getByRole('link', { name: 'Look inside' }).click()
    await tab.getByLabel('Shown').selectOption('forget gate f')
    await tab.getByText('How far back it can learn').waitFor()
    expect(await tab.getByText('How units drive each other').count()).toBe(0)
    expect(await tab.getByRole('alert').count()).toBe(0)
  })

  test('a quick training shows what its model writes at the end, too, and in Portuguese', async () => {
    const { tab } = studio
    await studio.train(shells, 'hiddenSize=32&batchSize=8&numSteps=20&epochs=60')
    await tab.getByText('Done. The model is kept in this browser.').waitFor()
    const samples = () => tab.locator('.samples li').allTextContents()
    const [last, ...earlier] = await samples()
    expect(last).toMatch(/^end she sells .*sea/)
    expect(earlier.length).toBeGreaterThan(0)
    expect(earlier.every((sample) => /^\d+ /.test(sample))).toBe(true)
    await tab.locator('header select').selectOption('pt-BR')
    expect((await samples())[0]).toMatch(/^fim she sells/)
  })

  test('a rate is typed with a point or a comma in both languages, and a short text counts its own characters', async () => {
    const { tab, button } = studio
    await studio.open('train')
    await studio.drop('oi.txt', 'oi')
    const marks = tab.locator('.marks')
    await marks.getByText('2 characters', { exact: true }).waitFor()
    const type = async (change: string, rate: string, text: string, use: string) => {
      await button(change).click()
      const field = tab.locator('dialog').getByLabel(rate)
      await field.fill('')
      await field.pressSequentially(text)
      await button(use).click()
    }
    await type('Change…', 'Learning rate', '0,02', 'Use this')
    await marks.getByText('adam, rate 0.02').waitFor()
    await type('Change…', 'Learning rate', '0,0,2', 'Use this')
    await tab.getByRole('alert').getByText('Learning rate: this value cannot be used.').waitFor()
    await button('Cancel').click()
    await tab.locator('header select').selectOption('pt-BR')
    await marks.getByText('2 caracteres', { exact: true }).waitFor()
    for (const [text, shown] of [
      ['0,03', '0,03'],
      ['0.04', '0,04'],
    ]) {
      await type('Mudar…', 'Taxa de aprendizado', text, 'Usar')
      await marks.getByText(`adam, taxa ${shown}`).waitFor()
    }
  })

  /** Columns of pixels of the y axis, from the left, that have something in them. */
  const inked = () =>
    studio.tab.locator('.u-wrap canvas').evaluate((canvas: HTMLCanvasElement) => {
      const { data, width } = canvas.getContext('2d')!.getImageData(0, 0, 40, canvas.height)
      return [...Array(width).keys()].filter((x) =>
        data.some((value, i) => i % 4 === 3 && (i >> 2) % width === x && value > 0),
      )
    })

  test('labels of perplexities beyond 1,000 are whole', async () => {
    const { tab, button } = studio
    await studio.open('train?hiddenSize=64&maxTokens=20000&epochs=1&lr=0.2')
    await button('Start training').click()
    await tab.getByText('Done. The model is kept in this browser.').waitFor()
    await expect.poll(async () => (await inked()).length).toBeGreaterThan(20)
    expect((await inked())[0]).toBeGreaterThan(0)
  })

  test('an explosion over many powers of ten has labels, and figures that fit', async () => {
    const { tab, button } = studio
    await studio.open('train?cell=gru&hiddenSize=32&maxTokens=20000&epochs=10&lr=100&optimizer=sgd')
    await button('Start training').click()
    await tab.getByText('The loss exploded').waitFor()
    await expect.poll(() => tab.locator('.figures dd').first().textContent()).toMatch(/^\d\.\dE\d+$/)
    for (const figure of await tab.locator('.figures dd').allTextContents()) expect(figure.length).toBeLessThan(10)
    await expect.poll(async () => (await inked()).length).toBeGreaterThan(15)
    expect((await inked())[0]).toBeGreaterThan(0)
  })

  test('a file that is no text, and one that is empty, are told in a sentence', async () => {
    const { tab, button } = studio
    await studio.open('train')
    await button('Change…').click()
    const pick = (name: string, buffer: Buffer) =>
      tab.locator('dialog input[type=file]').setInputFiles({ name, mimeType: 'text/plain', buffer })
    await pick('broken.txt', Buffer.from([0xff, 0xc0, 0x00, 0x80]))
    const alert = tab.locator('dialog').getByRole('alert')
    await alert.getByText('broken.txt is not a text in UTF-8').waitFor()
    await pick('empty.txt', Buffer.from(''))
    await alert.getByText('The text is empty').waitFor()
    await pick('she.txt', Buffer.from('she'))
    await alert.waitFor({ state: 'detached' })
  })

  test('a text of one’s own is used as a whole and unchanged, whatever the book before it was read like', async () => {
    const { tab, button } = studio
    await studio.open('train?hiddenSize=8&epochs=1&batchSize=2&numSteps=8')
    const marks = tab.locator('.marks')
    await marks.getByText('50,000 characters').waitFor()
    await marks.getByText('letters A–Z only').waitFor()
    const text = 'Não há coração que não ame. '.repeat(2_000)
    await studio.drop('meu.txt', text)
    await marks.getByText('56,000 characters').waitFor()
    await marks.getByText('text unchanged').waitFor()
    // In the dialog, too, and after the text that comes with the page.
    await button('Change…').click()
    expect(await tab.getByLabel('Letters and spaces only').isChecked()).toBe(false)
    await tab.locator('dialog').getByRole('button', { name: 'Moby Dick' }).click()
    expect(await tab.getByLabel('Letters and spaces only').isChecked()).toBe(true)
    const own = { name: 'meu.txt', mimeType: 'text/plain', buffer: Buffer.from(text) }
    await tab.locator('dialog input[type=file]').setInputFiles(own)
    await expect.poll(() => tab.getByLabel('Letters and spaces only').isChecked(), { timeout: 120_000 }).toBe(false)
    await button('Use this').click()
    await button('Start training').click()
    await tab.getByText('Done. The model is kept in this browser.').waitFor()
    const { vocab, config } = await unzipModel(await studio.saved('meu, lstm 8'))
    expect(new Set(vocab.tokens)).toEqual(new Set(['<unk>', ...text]))
    expect(config.training).toMatchObject({ clean: false, maxTokens: 56_000 })
  })

  test('a link brings its configuration, and says it in Portuguese, too', async () => {
    const { tab } = studio
    await studio.open('train?cell=gru&hiddenSize=77&numLayers=2&lr=nonsense&unknown=1')
    await tab.getByText('77 units').waitFor()
    await tab.getByLabel('Language').selectOption('pt-BR')
    await tab.getByText('Uma GRU lê Moby Dick').waitFor()
    await tab.getByText('2 camadas').waitFor()
    await tab.reload()
    await tab.getByText('Uma GRU lê Moby Dick').waitFor()
    expect(await tab.locator('html').getAttribute('lang')).toBe('pt-BR')
  })
})

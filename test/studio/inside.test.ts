import { expect, test } from 'vitest'
import { fromData, unzipModel } from '../../src/node.js'
import { describeStudio, shells } from './studio.js'

describeStudio('looking inside', (studio) => {
  const small = 'hiddenSize=16&batchSize=8&numSteps=20&epochs=100000'
  const marks = () => studio.tab.locator('.coloured button')
  const workers = () => studio.tab.workers().filter((worker) => worker.url().includes('inside-worker'))
  const read = (text: string) => studio.tab.getByLabel('The text that it reads').fill(text)
  const view = (name: string) => studio.tab.locator('nav').getByRole('link', { name, exact: true }).click()
  /** What the labels of the pictures tell, as numbers. */
  const told = async (beginning: string) => {
    const label = await studio.tab.getByRole('img', { name: beginning }).getAttribute('aria-label')
    return label!.match(/[\d.]+(E-?\d+)?/g)!.map(Number)
  }

  test('units, the next characters, gradients and weights of a model, live while it trains', async () => {
    const { tab, button } = studio
    await studio.train(shells, small)
    await expect.poll(() => studio.figure('perplexity'), { timeout: 120_000 }).toBeLessThan(2)
    await view('Look inside')
    // At first it reads the beginning of its own text.
    const shown = () => tab.getByLabel('The text that it reads').inputValue()
    await expect.poll(shown, { timeout: 120_000 }).toBe(shells.slice(0, 90).trim())
    await read('she Was')
    await tab.getByText('The model does not know: W').waitFor()
    await read('she sells sea shell')
    expect(await tab.getByText('The model does not know').count()).toBe(0)
    await expect.poll(() => marks().count(), { timeout: 120_000 }).toBe(19)
    // After ‘shell’ comes an s, in all of the text.
    await marks().last().click()
    const best = tab.locator('.bars tr').first()
    await expect.poll(() => best.locator('th').textContent(), { timeout: 120_000 }).toBe('s')
    // The weights change, so the picture of them does.
    const weights = tab.locator('.square canvas')
    const drawn = () => weights.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL())
    const before = await drawn()
    await expect.poll(drawn, { timeout: 120_000 }).not.toBe(before)
    await tab.locator('.matrix canvas').first().hover()
    await tab.getByText(/^unit \d+, reacts to ‘.’, ‘.’: /).waitFor()
    await tab.getByLabel('Shown').selectOption('forget gate f')
    expect(await tab.getByText('How far back it can learn').count()).toBe(1)
    // Nothing is computed for a view that nobody sees.
    expect(workers()).toHaveLength(1)
    await view('Train')
    await expect.poll(() => workers().length).toBe(0)
    await button('Stop').click()
    await tab.getByText('Stopped. The model').waitFor()
  })

  /** Whether the view shows the numbers of the model that the page gives as a file, to the digits that are shown. */
  async function agrees(text: string): Promise<void> {
    const { tab } = studio
    const { model, vocab } = await unzipModel(await studio.saved('shells, lstm 16'), 'shells')
    await view('Look inside')
    // Only the last text counts, however fast somebody types.
    for (let end = 1; end <= text.length; end++) await read(text.slice(0, end))
    await expect.poll(async () => (await marks().allTextContents()).join(''), { timeout: 120_000 }).toBe(text)
    await marks().last().click()
    const tokens = fromData(vocab.encode(text), [1, text.length])
    const { data } = model.forward(tokens).output.softmax()
    const expected = [...data.slice(-vocab.size)]
      .map((probability, token) => ({ probability, token: vocab.tokenOf(token) }))
      .sort((a, b) => b.probability - a.probability)
      .map(({ probability, token }) => `${token.replace(' ', '␣')} ${(100 * probability).toFixed(1)} %`)
    const shown = async () => (await tab.locator('.bars tr').allInnerTexts()).map((row) => row.replace(/\s+/g, ' '))
    await expect.poll(shown, { timeout: 120_000 }).toEqual(expected.slice(0, 8))
    // The largest singular value of the input gate, by the power method.
    const weights = model.stateDict()['rnn.weight_hh_l0'].data.slice(0, 256)
    let x = Array.from({ length: 16 }, (_, i) => 1 + i)
    let square = 0
    for (let round = 0; round < 500; round++) {
      const y = x.map((_, i) => x.reduce((sum, value, j) => sum + weights[16 * i + j] * value, 0))
      x = x.map((_, j) => y.reduce((sum, value, i) => sum + weights[16 * i + j] * value, 0))
      square = Math.hypot(...x)
      x = x.map((value) => value / square)
    }
    await expect
      .poll(async () => (await told('Singular values from'))[0], { timeout: 120_000 })
      .toBeCloseTo(Math.sqrt(square), 1)
    await expect.poll(async () => (await told('Gradient norms over'))[0]).toBe(text.length - 1)
  }

  test('the numbers are those of the model of a training that pauses, and of one that has ended', async () => {
    const { tab, button } = studio
    await studio.train(shells, small)
    await view('Look inside')
    await expect.poll(() => marks().count(), { timeout: 120_000 }).toBeGreaterThan(0)
    await view('Train')
    await button('Pause').click()
    await agrees('she sells sea')
    await view('Train')
    await button('Go on').click()
    await expect.poll(() => studio.figure('perplexity'), { timeout: 120_000 }).toBeLessThan(1.5)
    await button('Stop').click()
    await tab.getByText('Stopped. The model').waitFor()
    await agrees('by the sea shore')
  })

  test('a worker that fails is told', async () => {
    const { tab } = studio
    await tab.route('**/inside-worker-*.js', (route) =>
      route.fulfill({
        contentType: 'text/javascript',
        headers: { 'cross-origin-embedder-policy': 'require-corp' },
        body: `addEventListener('message', () => { throw new Error('no room') })`,
      }),
    )
    await studio.train(shells, 'hiddenSize=8&epochs=1&batchSize=8&numSteps=20')
    await tab.getByText('Done. The model').waitFor()
    await view('Look inside')
    await tab.getByRole('alert').getByText('no room').waitFor()
  })
})

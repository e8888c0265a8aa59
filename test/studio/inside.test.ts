import { expect, test } from 'vitest'
import { describeStudio, shells } from './studio.js'

describeStudio('looking inside', (studio) => {
  test('units, the next characters, gradients and weights of a model, live while it trains', async () => {
    const { tab, button } = studio
    await studio.train(shells, 'hiddenSize=16&batchSize=8&numSteps=20&epochs=100000')
    await expect.poll(() => studio.figure('perplexity'), { timeout: 120_000 }).toBeLessThan(2)
    await tab.getByRole('link', { name: 'Look inside' }).click()
    await tab.getByLabel('The text that it reads').fill('she sells sea shell')
    const marks = tab.locator('.coloured button')
    await expect.poll(() => marks.count(), { timeout: 120_000 }).toBe(19)
    // After ‘shell’ comes an s, in all of the text.
    await marks.last().click()
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
    await tab.getByRole('link', { name: 'Train', exact: true }).click()
    await button('Stop').click()
    await tab.getByText('Stopped. The model').waitFor()
  })
})

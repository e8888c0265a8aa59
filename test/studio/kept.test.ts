import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { unzipModel } from '../../src/index.js'
import { describeStudio, shells } from './studio.js'

describeStudio('what the studio keeps', (studio) => {
  const sizes = 'cell=gru&hiddenSize=16&batchSize=8&numSteps=20'
  const setup = `${sizes}&epochs=60`
  const done = () => studio.tab.getByText('Done. The model is kept in this browser.').waitFor({ timeout: 120_000 })

  /** What the library saves of its only run. */
  async function saved(format: string): Promise<Uint8Array> {
    const { tab } = studio
    await tab.getByRole('link', { name: 'Library' }).click()
    const [download] = await Promise.all([
      tab.waitForEvent('download'),
      tab.getByLabel(/^Save shells/).selectOption(format),
    ])
    return new Uint8Array(await readFile(await download.path()))
  }

  test('a training goes on after a reload, to the same bits as one that was not stopped', async () => {
    const { tab, button } = studio
    await studio.train(shells, setup)
    await done()
    const whole = await unzipModel(await saved('zip'))
    tab.on('dialog', (dialog) => dialog.accept())
    await button('Remove').click()
    await tab.getByText('None yet.', { exact: true }).waitFor()

    await studio.train(shells, setup)
    await expect.poll(() => tab.locator('.samples li').count(), { timeout: 120_000 }).toBeGreaterThan(0)
    await button('Stop').click()
    await tab.getByText('Stopped. The model is kept in this browser.').waitFor()
    await tab.reload()
    await button('Go on with shells, gru 16').click()
    await done()
    const resumed = await unzipModel(await saved('zip'))
    expect(resumed.model.stateDict()).toEqual(whole.model.stateDict())
    expect(resumed.vocab.tokens).toEqual(whole.vocab.tokens)
  })

  test('after a reload, a training that has ended is not one to go on with', async () => {
    const { tab, button } = studio
    await studio.train(shells, 'hiddenSize=4&epochs=1&batchSize=8&numSteps=20')
    await done()
    await tab.reload()
    await button('Start training').waitFor()
    // It would come once the browser's files are read.
    await tab.waitForTimeout(1000)
    expect(await button(/^Go on/).count()).toBe(0)
  })

  test('the model writes on from what is typed, as many texts as asked for, faster than anybody reads', async () => {
    const { tab } = studio
    await studio.train(shells, `${sizes}&epochs=1`)
    await done()
    await tab.getByRole('link', { name: 'Write' }).click()
    const temperature = tab.getByRole('slider', { name: 'Temperature' })
    await temperature.fill('2')
    await tab.getByLabel('Your text').fill('she sells Q')
    const texts = tab.locator('.alternatives button')
    await expect.poll(() => texts.count(), { timeout: 120_000 }).toBeGreaterThan(1)
    await tab.getByText('The model does not know: Q').waitFor()
    const first = await texts.first().textContent()
    await tab.keyboard.press('Control+Enter')
    const text = tab.getByLabel('Your text')
    expect(await text.inputValue()).toBe(`she sells Q${first}`)
    await tab.keyboard.press('Control+Z')
    expect(await text.inputValue()).toBe('she sells Q')
    await texts.first().click()
    expect((await text.inputValue()).length).toBeGreaterThan('she sells Q'.length)
    expect(await text.evaluate((box) => document.activeElement === box)).toBe(true)
    await temperature.fill('0')
    await expect.poll(() => texts.count(), { timeout: 120_000 }).toBe(1)
    // Not on the page's thread, and for as long as the view is there.
    const writers = () => tab.workers().filter((worker) => worker.url().includes('write-worker')).length
    expect(writers()).toBe(1)
    await tab.getByRole('link', { name: 'Library' }).click()
    await expect.poll(writers).toBe(0)
  })

  test('a worker that cannot write is told', async () => {
    const { tab } = studio
    await tab.route('**/write-worker-*.js', (route) =>
      route.fulfill({
        contentType: 'text/javascript',
        headers: { 'cross-origin-embedder-policy': 'require-corp' },
        body: `addEventListener('message', () => { throw new Error('no room') })`,
      }),
    )
    await studio.train(shells, `${sizes}&epochs=1`)
    await done()
    await tab.getByRole('link', { name: 'Write' }).click()
    await tab.getByRole('alert').getByText('no room').waitFor()
  })
})

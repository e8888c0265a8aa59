import { existsSync, readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { serveStudio } from '../../src/node.js'
import { launch } from '../browser/chromium.js'
import { chromium } from '../browser/path.js'

// The built studio in a real browser. Needs the dist/ that `npm test` builds.

const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8')
const small = 'she sells sea shells by the sea shore '.repeat(60)

describe.skipIf(!existsSync(chromium))(`the studio (skipped where there is no ${chromium})`, () => {
  let browser: Browser
  let server: { url: string; close(): Promise<void> }
  let tab: Page
  /** What the browser complains about, such as scripts that the policy refuses. */
  let complaints: string[]
  beforeAll(async () => {
    server = await serveStudio({ folder: 'dist/studio', port: 0 })
    browser = await launch()
  })
  beforeEach(async () => {
    const context = await browser.newContext({ locale: 'en-US' })
    tab = await context.newPage()
    complaints = []
    tab.on('pageerror', ({ message }) => complaints.push(message))
    tab.on('console', (line) => line.type() === 'error' && complaints.push(line.text()))
  })
  afterEach(async () => {
    expect(complaints).toEqual([])
    await tab.context().close()
  })
  afterAll(async () => {
    await browser.close()
    await server.close()
  })

  const figure = (name: string) =>
    tab.locator('.figures div', { has: tab.getByText(name, { exact: true }) }).locator('dd')
  const button = (name: string) => tab.getByRole('button', { name, exact: true })
  const pick = (name: string, buffer: Buffer) =>
    tab.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/plain', buffer })

  test('trains on a file of one’s own to a perplexity below 3, pauses, goes on and stops', async () => {
    await tab.goto(`${server.url}#/train?hiddenSize=32&batchSize=8&numSteps=20&epochs=5000`)
    await button('Change…').click()
    await pick('shells.txt', Buffer.from(small))
    await button('Use this').click()
    await expect.poll(() => tab.locator('h1').first().textContent()).toBe('An LSTM reads shells')
    await button('Start training').click()
    await expect
      .poll(async () => Number(await figure('perplexity').textContent()), { timeout: 120_000 })
      .toBeLessThan(3)
    await button('Pause').click()
    await tab.getByText('Paused.').waitFor()
    await tab.waitForTimeout(300)
    const before = await tab.locator('[role=img]').getAttribute('aria-label')
    await tab.waitForTimeout(300)
    expect(await tab.locator('[role=img]').getAttribute('aria-label')).toBe(before)
    await button('Go on').click()
    await expect.poll(() => tab.locator('[role=img]').getAttribute('aria-label'), { timeout: 30_000 }).not.toBe(before)
    await button('Stop').click()
    await tab.getByText('Stopped. The model is kept in this browser.').waitFor()
    expect(await tab.locator('.samples li').count()).toBeGreaterThan(0)
  })

  test('a file that is no text, and one that is empty, are told in a sentence', async () => {
    await tab.goto(server.url)
    await button('Change…').click()
    await pick('broken.txt', Buffer.from([0xff, 0xc0, 0x00, 0x80]))
    await tab.getByText('broken.txt: its bytes are not utf-8 text').waitFor()
    await pick('empty.txt', Buffer.from(''))
    await button('Use this').click()
    await button('Start training').click()
    await tab.getByRole('alert').getByText('empty').waitFor()
  })

  test('a link brings its configuration, and says it in Portuguese, too', async () => {
    await tab.goto(`${server.url}#/train?cell=gru&hiddenSize=77&numLayers=2&lr=nonsense&unknown=1`)
    await tab.getByText('77 units').waitFor()
    await tab.getByLabel('Language').selectOption('pt-BR')
    await tab.getByText('Uma GRU lê Moby Dick').waitFor()
    await tab.getByText('2 camadas').waitFor()
    await tab.reload()
    await tab.getByText('Uma GRU lê Moby Dick').waitFor()
    expect(await tab.locator('html').getAttribute('lang')).toBe('pt-BR')
  })

  test.each(['light', 'dark'] as const)(
    'axe finds nothing, %s, wide and narrow, and nothing is cut off',
    async (colorScheme) => {
      await tab.emulateMedia({ colorScheme })
      for (const width of [360, 800, 1440]) {
        await tab.setViewportSize({ width, height: 800 })
        await tab.goto(server.url)
        await button('Change…').click()
        // The policy of the page refuses scripts that are put into it, but not what the debugger runs.
        for (const open of [true, false]) {
          if (!open) await button('Cancel').click()
          const found = await tab.evaluate(
            `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
          )
          expect(found).toEqual([])
        }
        const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        expect(wide).toBeLessThanOrEqual(0)
      }
    },
  )
})

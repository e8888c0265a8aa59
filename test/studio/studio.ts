import { existsSync } from 'node:fs'
import type { Browser, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest'
import { type StudioOptions, serveStudio } from '../../src/node.js'
import { sharedBrowser } from '../browser/chromium.js'
import { chromium } from '../browser/path.js'

/** A new tab of the built studio for each test, and what a user finds there. */
export interface Studio {
  readonly tab: Page
  readonly url: string
  /** Opens a view, such as `train?cell=gru`. */
  open(view: string): Promise<void>
  button(name: string | RegExp): ReturnType<Page['getByRole']>
  /** The value of one of the figures of a training. */
  figure(name: string): Promise<number>
  /** Trains on a text of one's own, with what a link can say. */
  train(text: string, query: string): Promise<void>
}

/**
 * Tests of the studio in Chromium, which need the dist/ that `npm test` builds. A test fails if the browser complains, for
 * example about a script that the policy of the page refuses.
 */
export function describeStudio(what: string, tests: (studio: Studio) => void, options: StudioOptions = {}): void {
  describe.skipIf(!existsSync(chromium))(`${what} (skipped where there is no ${chromium})`, () => {
    let browser: Browser
    let server: Awaited<ReturnType<typeof serveStudio>>
    let tab: Page
    let complaints: string[]
    beforeAll(async () => {
      server = await serveStudio({ folder: 'dist/studio', port: 0, ...options })
      browser = await sharedBrowser()
    })
    beforeEach(async () => {
      const context = await browser.newContext({ locale: 'en-US' })
      context.setDefaultTimeout(120_000)
      tab = await context.newPage()
      complaints = []
      tab.on('pageerror', ({ message }) => complaints.push(message))
      tab.on('console', (line) => line.type() === 'error' && complaints.push(line.text()))
    })
    afterEach(async () => {
      expect(complaints).toEqual([])
      await tab.context().close()
    })
    afterAll(() => server?.close())
    const button = (name: string | RegExp) => tab.getByRole('button', { name, exact: typeof name === 'string' })
    const open = async (view: string) => void (await tab.goto(`${server.url}#/${view}`))
    tests({
      get tab() {
        return tab
      },
      get url() {
        return server.url
      },
      open,
      button,
      figure: async (name) => {
        const figure = tab.locator('.figures div', { has: tab.getByText(name, { exact: true }) })
        return Number((await figure.locator('dd').textContent())?.replaceAll(',', ''))
      },
      async train(text, query) {
        await open(`train?${query}`)
        await button('Change…').click()
        await tab
          .locator('dialog input[type=file]')
          .setInputFiles({ name: 'shells.txt', mimeType: 'text/plain', buffer: Buffer.from(text) })
        await tab.locator('dialog').getByText('shells', { exact: true }).waitFor()
        await button('Use this').click()
        await button(/^(Start training|Train again)$/).click()
      },
    })
  })
}

export const shells = 'she sells sea shells by the sea shore '.repeat(60)

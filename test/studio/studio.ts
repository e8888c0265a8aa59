import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright'
import { afterEach, beforeAll, beforeEach, describe, expect } from 'vitest'
import { english } from '../../apps/studio/src/words/english.js'
import { portuguese } from '../../apps/studio/src/words/portuguese.js'
import { type ErrorFacts, type StudioOptions, serveStudio } from '../../src/node.js'
import { sharedBrowser } from '../browser/chromium.js'
import { chromium } from '../browser/path.js'
import { closeTabs, watchedTab } from '../browser/tab.js'

/** A new tab of the built studio for each test, and what a user finds there. */
export interface Studio {
  readonly tab: Page
  readonly url: string
  /** Opens a view, such as `train?cell=gru`. */
  open(view: string): Promise<void>
  button(name: string | RegExp): ReturnType<Page['getByRole']>
  /** The value of one of the figures of a training. */
  figure(name: string): Promise<number>
  /** Drops a file on the page. */
  drop(name: string, content: string | Uint8Array): Promise<void>
  /** Waits until the page says that fault, in English and in Portuguese. */
  says(fault: keyof typeof english.faults, name?: string, where?: Page, facts?: ErrorFacts): Promise<void>
  /** What the library saves of the training or the model of that name. */
  saved(name: string, format?: string): Promise<Uint8Array>
  /** Trains on a text of one's own, with what a link can say; cleaned only if asked for. */
  train(text: string, query: string, options?: { clean?: boolean }): Promise<void>
}

interface DescribeOptions {
  /** How the page is served. */
  server?: StudioOptions
  /** Whether the page may have its service worker, which fetches all files of the page. Default: false. */
  worksOffLine?: boolean
  /** What serves the page. Default: `serveStudio`. */
  serve?: (options: StudioOptions) => Promise<{ url: string; close(): unknown }>
}

/**
 * Tests of the studio in Chromium, which need the dist/ that `npm test` builds. A test fails if the browser complains, for
 * example about a script that the policy of the page refuses.
 */
export function describeStudio(
  what: string,
  tests: (studio: Studio) => void,
  { server: options = {}, worksOffLine = false, serve = serveStudio }: DescribeOptions = {},
): void {
  describe.skipIf(!existsSync(chromium))(`${what} (skipped where there is no ${chromium})`, () => {
    let browser: Browser
    let server: { url: string; close(): unknown }
    let tab: Page
    let complaints: string[]
    beforeAll(async () => {
      browser = await sharedBrowser()
    })
    beforeEach(async () => {
      // On a port of its own, the page finds nothing that another test kept.
      server = await serve({ folder: 'dist/studio', port: 0, ...options })
      ;({ tab, complaints } = await watchedTab(browser, { serviceWorkers: worksOffLine ? 'allow' : 'block' }))
    })
    afterEach(async () => {
      await closeTabs(tab)
      await server.close()
      expect(complaints).toEqual([])
    })
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
      async drop(name, content) {
        const base64 = Buffer.from(content).toString('base64')
        await tab.evaluate(
          ({ name, base64 }) => {
            const dataTransfer = new DataTransfer()
            const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
            dataTransfer.items.add(new File([bytes], name))
            document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }))
          },
          { name, base64 },
        )
      },
      async says(fault, name = '', where = tab, facts = {}) {
        for (const [language, words] of [
          ['pt-BR', portuguese],
          ['en', english],
        ] as const) {
          await where.locator('header select').selectOption(language)
          await where.locator('main').getByText(words.faults[fault](name, facts).replaceAll('`', '')).waitFor()
        }
      },
      async saved(name, format = 'zip') {
        await tab.locator('nav').getByRole('link', { name: 'Library' }).click()
        const choice = tab.getByLabel(`Save ${name} as a file`, { exact: true })
        const [download] = await Promise.all([tab.waitForEvent('download'), choice.selectOption(format)])
        return new Uint8Array(await readFile(await download.path()))
      },
      async train(text, query, { clean = false } = {}) {
        await open(`train?${query}`)
        await button('Change…').click()
        await tab
          .locator('dialog input[type=file]')
          .setInputFiles({ name: 'shells.txt', mimeType: 'text/plain', buffer: Buffer.from(text) })
        await tab.locator('dialog').getByText('shells', { exact: true }).waitFor()
        if (clean) await tab.getByLabel(english.setup.clean).check()
        await button('Use this').click()
        await button(/^(Start training|Train again)$/).click()
      },
    })
  })
}

export const shells = 'she sells sea shells by the sea shore '.repeat(60)

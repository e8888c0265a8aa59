import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { plainHost } from '../browser/plain-host.js'
import { describeStudio } from './studio.js'

const host = () => plainHost('dist/studio')
const tiny = 'train?hiddenSize=8&epochs=1&maxTokens=3000'

describeStudio(
  'the studio on a host that does not isolate it',
  (studio) => {
    test('its service worker isolates it, so that it has threads, and keeps it for work off line', async () => {
      const { tab } = studio
      await studio.open(tiny)
      await tab.waitForFunction(() => crossOriginIsolated)
      const names = readdirSync('dist/studio', { recursive: true, encoding: 'utf8' })
      const files = names.filter(
        (name) => /\.(html|js|css|svg)$|^texts.[^/\\]+$/.test(name) && name !== 'service-worker.js',
      )
      const kept = () =>
        tab.evaluate(async () => (await (await caches.open((await caches.keys())[0] ?? 'none')).keys()).length)
      // The browser keeps the service worker itself in its own way.
      await expect.poll(kept, { timeout: 120_000 }).toBe(files.length)
      await tab.context().setOffline(true)
      await tab.reload()
      expect(await tab.evaluate(() => crossOriginIsolated)).toBe(true)
      await studio.button('Start training').click()
      await tab.getByText('Done. The model is kept in this browser.').waitFor()
      expect(await tab.getByRole('status').textContent()).toMatch(/ on \d+ threads$/)
    })
  },
  { serve: host, worksOffLine: true },
)

describeStudio(
  'the studio where it is not isolated',
  (studio) => {
    test('says that training uses one thread, and trains', async () => {
      await studio.open(tiny)
      await studio.says('notIsolated')
      await studio.button('Start training').click()
      await studio.tab.getByText('Done. The model is kept in this browser.').waitFor()
      expect(await studio.tab.getByRole('status').textContent()).toMatch(/ on 1 thread$/)
    })
  },
  { serve: host },
)

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { webpacked } from '../webpack.js'
import { outcomeOf, serve, sharedBrowser } from './chromium.js'
import { chromium } from './path.js'
import { watchedTab } from './tab.js'

// A page that its author bundles: the trainer's worker is found without a word. Needs the dist/ that `npm test` builds.

const program = `
import { Trainer } from ${JSON.stringify(path.resolve('dist/browser.js'))}
const train = async () => {
  const text = 'she sells sea shells by the sea shore '.repeat(20)
  const trainer = await Trainer.start('bundled', text, { hiddenSize: 8, batchSize: 4, numSteps: 8, epochs: 2 })
  let epochs = 0
  for await (const event of trainer.events()) if (event.type === 'epoch') epochs++
  trainer.close()
  return epochs
}
globalThis.outcome = train().catch(String)
`

describe.skipIf(!existsSync(chromium))(`in Chromium (skipped where there is no ${chromium})`, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-trainer-'))
  let browser: Browser
  beforeAll(async () => {
    writeFileSync(path.join(folder, 'page.js'), program)
    writeFileSync(path.join(folder, 'index.html'), '<script type="module" src="./page.js"></script>')
    browser = await sharedBrowser()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** Bundles the page into a folder. */
  const bundlers: Record<string, (to: string) => Promise<unknown>> = {
    vite: async (to) => {
      const { build } = await import('vite')
      return build({
        root: folder,
        configFile: false,
        logLevel: 'error',
        worker: { format: 'es' },
        build: { outDir: to, target: 'es2022', rolldownOptions: { external: [/^gpt-tokenizer/] } },
      })
    },
    webpack: async (to) => {
      await webpacked({
        mode: 'production',
        target: 'web',
        context: folder,
        entry: path.join(folder, 'page.js'),
        externals: [/^gpt-tokenizer/],
        output: { path: to, filename: 'page.js', publicPath: '/' },
        // This takes longer than all else here, and Vite's bundle shows that the worker is found after it.
        optimization: { minimize: false },
        performance: { hints: false },
      })
    },
  }

  test.each(Object.keys(bundlers))('bundled by %s', async (name) => {
    const to = path.join(folder, `made-by-${name}`)
    await bundlers[name](to)
    const names = readdirSync(to, { recursive: true, encoding: 'utf8' }).filter((file) =>
      statSync(path.join(to, file)).isFile(),
    )
    const files = Object.fromEntries(
      names.map((file) => [`/${file}`, new Uint8Array(readFileSync(path.join(to, file)))]),
    )
    if (files['/index.html']) files['/'] = files['/index.html']
    const server = await serve(files)
    const { tab } = await watchedTab(browser)
    try {
      await tab.goto(server.url)
      expect(await outcomeOf(tab)).toBe(2)
    } finally {
      await tab.close()
      server.close()
    }
  })
})

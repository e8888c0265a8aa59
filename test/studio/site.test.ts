import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { checkLinks } from '../../apps/site/links.js'
import * as config from '../../src/config.js'
import * as formats from '../../src/formats.js'
import * as inference from '../../src/inference.js'
import * as node from '../../src/node.js'
import { sharedBrowser } from '../browser/chromium.js'
import { chromium } from '../browser/path.js'
import { type PlainHost, plainHost } from '../browser/plain-host.js'
import { closeTabs, watchedTab } from '../browser/tab.js'

// The site as `npm run site` writes it, built once for all tests. They need the dist/ that `npm test` builds.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-site-test-'))
const site = path.join(folder, 'site')
const page = (name: string) => readFileSync(path.join(site, name), 'utf8')

beforeAll(() => {
  if (!existsSync('docs/api/node_modules')) {
    execFileSync('npm', ['ci', '--prefix', 'docs/api', '--no-audit', '--no-fund', '--silent'])
  }
  execFileSync(process.execPath, ['--import', 'tsx', 'apps/site/build.tsx', site], {
    env: { ...process.env, TSX_TSCONFIG_PATH: 'apps/site/tsconfig.json' },
    stdio: 'pipe',
  })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the pages of the site', () => {
  test('lead nowhere that is not there', () => {
    const { broken, checked } = checkLinks(site)
    expect(broken).toEqual([])
    expect(checked).toBeGreaterThan(3000)
  })

  test('are there for every document that the package has, and for every public name', () => {
    const documents = readdirSync('docs').filter((name) => name.endsWith('.md'))
    const pages = readdirSync(path.join(site, 'docs'))
    expect(pages).toEqual(expect.arrayContaining(documents.map((name) => name.replace('.md', '.html'))))
    const described = readdirSync(path.join(site, 'reference'))
      .filter((name) => name !== 'index.html')
      .flatMap((name) => [...page(`reference/${name}`).matchAll(/<h2 id="([^"]+)"/g)].map(([, id]) => id))
    // `unrolled/browser` needs a browser to be imported; all but its own names are in the others.
    const names = [node, config, formats, inference].flatMap(Object.keys)
    const own = ['Trainer', 'OpfsStore', 'savedRuns', 'savedModels', 'droppedTexts', 'textOf']
    expect([...names, ...own].filter((name) => !described.includes(name))).toEqual([])
  })

  test('show comments with their types, formulas and errors', () => {
    const layers = page('reference/layers.html')
    expect(layers).toContain('<h3 id="RNNModel.forward">')
    expect(layers).toContain('o = σ(W_io x + b_io + W_ho h&#x27; + b_ho)'.replaceAll('&#x27;', "'"))
    expect(page('reference/tensors.html')).toContain('unrolled, unrolled/browser')
    expect(page('reference/node.html')).toContain('unrolled (in Node)')
  })
})

const hostOf = () => plainHost(site, '/any/folder')

test('a link that leads nowhere is told with its page', () => {
  const small = path.join(folder, 'small')
  mkdirSync(path.join(small, 'docs'), { recursive: true })
  writeFileSync(path.join(small, 'index.html'), '<div id="app"></div>')
  const links = ['a.html#there', '#there', '../index.html#/train', 'https://example.org/#x']
  const wrong = ['a.html#missing', 'b.html', '../index.html#/nowhere', '/docs/a.html', 'http://']
  const html = [...links, ...wrong].map((link) => `<a href="${link}">x</a>`).join('')
  writeFileSync(path.join(small, 'docs/a.html'), `<h1 id="there">x</h1>${html}`)
  const { broken, checked } = checkLinks(small)
  expect(checked).toBe(links.length + wrong.length)
  expect(broken.map((line) => line.split(' ')[1])).toEqual(wrong)
})

describe.skipIf(!existsSync(chromium))(`the site in Chromium (skipped where there is no ${chromium})`, () => {
  let browser: Browser
  let tab: Page
  let host: PlainHost
  let complaints: string[]

  beforeAll(async () => {
    host = await hostOf()
    browser = await sharedBrowser()
  })
  beforeEach(async () => {
    ;({ tab, complaints } = await watchedTab(browser))
  })
  afterEach(async () => {
    await closeTabs(tab)
    expect(complaints).toEqual([])
  })
  afterAll(() => host?.close())

  const isolated = () => tab.evaluate(() => crossOriginIsolated).catch(() => false)
  const open = async (address: string, { url }: PlainHost = host) => {
    await tab.goto(`${url}${address}`)
    await expect.poll(isolated, { timeout: 120_000 }).toBe(true)
  }

  /** As somebody at a keyboard does. */
  const search = async (text: string) => {
    await tab.locator('#search input').waitFor()
    await tab.keyboard.press('/')
    await tab.keyboard.type(text)
  }

  test('is isolated on any host, and works off line after the first page: reading, searching, running, training', async () => {
    const passing = await hostOf()
    const { url } = passing
    await open('docs/first-steps.html', passing)
    const files = readdirSync(site, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const kept = () =>
      tab.evaluate(async () => {
        const [name] = await caches.keys()
        return name === undefined ? 0 : (await (await caches.open(name)).keys()).length
      })
    // All but the service worker itself, which the browser keeps in its own way, and the trainings of a machine.
    await expect.poll(kept, { timeout: 120_000 }).toBe(files.length - 2)
    await passing.close()
    await tab.goto(`${url}reference/optimizers.html`)
    await search('xyzzyq')
    await tab.getByRole('status').getByText('Nothing is found').waitFor()
    await tab.getByRole('combobox', { name: 'Search' }).fill('sequences fromText')
    await tab.locator('#results [role=option]').first().waitFor()
    await tab.keyboard.press('Enter')
    await tab.waitForURL(`${url}reference/data.html#sequencesFromText`)
    await tab.goto(`${url}docs/first-steps.html`)
    await tab.getByRole('button', { name: 'Run' }).first().click()
    await tab.getByRole('log').getByText('[[10, 20, 30], [10, 20, 30]]').waitFor()
    await tab.getByRole('link', { name: 'Train', exact: true }).click()
    await tab.goto(`${url}#/train?hiddenSize=8&epochs=1&maxTokens=3000`)
    await tab.getByRole('button', { name: 'Start training' }).click()
    await tab.getByText('Done. The model is kept in this browser.').waitFor()
    expect(await isolated()).toBe(true)
    expect(await tab.getByRole('link', { name: 'Docs' }).getAttribute('href')).toBe(`${url}docs/index.html`)
    // The browser says of its own accord that the host does not answer.
    complaints.splice(0, complaints.length, ...complaints.filter((line) => !line.includes('ERR_CONNECTION_REFUSED')))
  })

  test('runs every example of the guides, with what its comments promise', async () => {
    const outputs: string[] = []
    for (const guide of ['first-steps', 'index', 'training']) {
      await open(`docs/${guide}.html`)
      const examples = tab.locator('.example')
      expect(await examples.count()).toBeGreaterThan(0)
      for (const example of await examples.all()) {
        await example.getByRole('button', { name: 'Run' }).click()
        await example.locator('[data-state=finished], [data-state=failed]').waitFor()
        expect(await example.locator('[data-state]').getAttribute('data-state')).toBe('finished')
        outputs.push((await example.getByRole('log').textContent()) ?? '')
      }
    }
    expect(outputs[0].split('\n')).toEqual(['[2, 3]', '460', '[[10, 20, 30], [10, 20, 30]]'])
    expect(outputs[1]).toContain('[5, 3, 20]\n[1, 3, 20] [1, 3, 20]\nweight_ih_l0 [80, 10]')
    expect(outputs[3].split('\n').at(-1)).toMatch(/^she sells sea shells by the sea sh/)
    expect(outputs.join('\n')).toMatch(/^wasm-\S+ \d$/m)
  })

  const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8')
  test.each([
    [360, 'dark', 'pt-BR', 'Guias'],
    [800, 'dark', 'en', 'Guides'],
    [1440, 'light', 'en', 'Guides'],
  ] as const)(
    '%i pixels wide, %s, %s: axe finds nothing, and nothing is cut off',
    async (width, colorScheme, language, guides) => {
      await tab.emulateMedia({ colorScheme })
      await tab.setViewportSize({ width, height: 800 })
      for (const address of ['docs/first-steps.html', 'docs/from-the-book.html', 'reference/optimizers.html']) {
        await open(address)
        await tab.locator('header select').selectOption(language)
        await tab.getByText(guides, { exact: true }).first().waitFor({ state: 'attached' })
        await search('adam')
        await tab.locator('#results [role=option]').first().waitFor()
        await tab.evaluate(axe)
        const found = await tab.evaluate<string[]>(
          `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
        )
        const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        expect([address, wide, ...found]).toEqual([address, 0])
      }
    },
  )
})

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeStudio } from './studio.js'

const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8')

describeStudio('how the studio looks', (studio) => {
  const views = ['lesson', 'train', 'inside', 'write', 'library']
  const numbers = `day,sales,wind\n${Array.from({ length: 150 }, (_, i) => `${i},${i % 7},${i % 5}`).join('\n')}`
  const small = 'hiddenSize=8&epochs=1&maxTokens=3000'

  /** What axe finds in the page; nothing may be wider than it. */
  async function problems(): Promise<string[]> {
    const { tab } = studio
    const found = await tab.evaluate<string[]>(
      `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
    )
    // The navigation of a narrow page is fixed: what hangs over its edge does not make the page wider.
    const wide = await tab.evaluate(() => {
      const ends = [...document.querySelectorAll('nav.views a')].map((link) => link.getBoundingClientRect().right)
      return Math.max(document.documentElement.scrollWidth, ...ends) - innerWidth
    })
    return wide > 0 ? [...found, `${wide} pixels too wide`] : found
  }

  const settings = [
    [360, 'light', 'en'],
    [360, 'dark', 'pt-BR'],
    [800, 'light', 'pt-BR'],
    [1440, 'dark', 'en'],
  ] as const

  test('narrow or wide, light or dark, in both languages: axe finds nothing, and nothing is cut off', async () => {
    const { tab, open } = studio
    await open(`train?${small}`)
    // With a model there is more to see.
    await studio.button('Start training').click()
    await tab.getByText('Done. The model').waitFor()
    // The policy of the page refuses scripts that are put into it, but not what the debugger runs.
    await tab.evaluate(axe)
    for (const [width, colorScheme, language] of settings) {
      const where = (what: string) => `${what}, ${width} pixels wide, ${colorScheme}, ${language}`
      await tab.emulateMedia({ colorScheme })
      await tab.setViewportSize({ width, height: 800 })
      await tab.locator('header select').selectOption(language)
      for (const view of views) {
        await open(view)
        await tab.locator('main h1').waitFor()
        expect(await problems(), where(view)).toEqual([])
      }
      await open('train')
      await tab.locator('.mark-button').click()
      expect(await problems(), where('the dialog')).toEqual([])
      await studio.drop('sales of all shops in the south of the country.csv', numbers)
      await tab.locator('#series-title').waitFor()
      expect(await problems(), where('the dialog of a table')).toEqual([])
      await tab.locator('dialog .main').click()
      await tab.locator('.headline .main').click()
      await tab.locator('.errors').waitFor()
      expect(await problems(), where('a forecast')).toEqual([])
      await open('library')
      await tab.locator('.run a[href="#/inside"]').last().click()
      await tab.locator('.known').waitFor()
      expect(await problems(), where('a model of series')).toEqual([])
      await open('train?series=sales.csv&target=sales&feature=wind&epochs=3')
      await tab.locator('.headline .file').waitFor()
      expect(await problems(), where('a link to a training on series')).toEqual([])
    }
  })
})

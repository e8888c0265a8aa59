import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeStudio } from './studio.js'

const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8')

describeStudio('how the studio looks', (studio) => {
  const views = ['lesson', 'train', 'inside', 'write', 'library']
  const numbers = `day,sales,wind\n${Array.from({ length: 150 }, (_, i) => `${i},${i % 7},${i % 5}`).join('\n')}`
  const small = 'hiddenSize=8&epochs=1&maxTokens=3000'

  /** What axe finds in the page. */
  const problems = () =>
    studio.tab.evaluate<string[]>(
      `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
    )

  /** By how many pixels the page is wider than its window. */
  const excess = () =>
    // The navigation of a narrow page is fixed: what hangs over its edge does not make the page wider.
    studio.tab.evaluate(() => {
      const ends = [...document.querySelectorAll('nav.views a')].map((link) => link.getBoundingClientRect().right)
      return Math.max(document.documentElement.scrollWidth, ...ends) - innerWidth
    })

  /** Each language has each width; axe looks at the last of them, which is a desk in daylight, and a phone in the dark. */
  const settings = [
    ['en', 'light', [360, 800, 1440]],
    ['pt-BR', 'dark', [1440, 800, 360]],
  ] as const

  test('narrow or wide, light or dark, in both languages: axe finds nothing, and nothing is cut off', async () => {
    const { tab, open } = studio
    await open(`train?${small}`)
    // With a model there is more to see.
    await studio.button('Start training').click()
    await tab.getByText('Done. The model').waitFor()
    // The policy of the page refuses scripts that are put into it, but not what the debugger runs.
    await tab.evaluate(axe)
    for (const [language, colorScheme, widths] of settings) {
      await tab.emulateMedia({ colorScheme })
      await tab.locator('header select').selectOption(language)
      const check = async (what: string) => {
        for (const width of widths) {
          await tab.setViewportSize({ width, height: 800 })
          // Charts follow the page when it has got its size.
          await expect.poll(excess, { message: `${what}, ${width} pixels wide, ${language}` }).toBeLessThanOrEqual(0)
        }
        expect(await problems(), `${what}, ${colorScheme}, ${language}`).toEqual([])
      }
      for (const view of views) {
        await open(view)
        await tab.locator('main h1').waitFor()
        await check(view)
      }
      await open('train')
      await tab.locator('.mark-button').click()
      await check('the dialog')
      // A name of its own, because the dialog of an earlier table may be open.
      const name = `sales-${language}.csv`
      await studio.drop(name, numbers)
      await tab.locator('#series-title').getByText(name).waitFor()
      await check('the dialog of a table')
      await tab.locator('dialog .main').click()
      await tab.locator('.headline .main').click()
      await tab.locator('.errors').waitFor()
      await check('a forecast')
      await open('library')
      await tab.locator('.run a[href="#/inside"]').last().click()
      await tab.locator('.known').waitFor()
      await check('a model of series')
      await open('train?series=sales.csv&target=sales&feature=wind&epochs=3')
      await tab.locator('.headline .file').waitFor()
      await check('a link to a training on series')
    }
  })
})

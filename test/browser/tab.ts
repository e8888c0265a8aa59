import type { Browser, BrowserContext, Page } from 'playwright'

interface TabOptions {
  serviceWorkers?: 'allow' | 'block'
}

/** The contexts of each browser, by what they allow: to make one takes longer than most tests do. */
const contexts = new WeakMap<Browser, Map<string, Promise<BrowserContext>>>()

function contextOf(browser: Browser, serviceWorkers: 'allow' | 'block'): Promise<BrowserContext> {
  const made = contexts.get(browser) ?? new Map<string, Promise<BrowserContext>>()
  contexts.set(browser, made)
  const make = async () => {
    const context = await browser.newContext({ locale: 'en-US', serviceWorkers })
    context.on('close', () => made.delete(serviceWorkers))
    context.setDefaultTimeout(120_000)
    // A tab that stays keeps the window, which the next tab would have to open again.
    await context.newPage()
    return context
  }
  if (!made.has(serviceWorkers)) made.set(serviceWorkers, make())
  return made.get(serviceWorkers)!
}

/**
 * A new tab, and what the browser complains of in it, such as an error or a script that a policy refuses. Tabs of one browser
 * share a context: what pages keep is kept by origin, so that tests that must not find it serve the page anew, on another port.
 */
export async function watchedTab(
  browser: Browser,
  { serviceWorkers = 'allow' }: TabOptions = {},
): Promise<{ tab: Page; complaints: string[] }> {
  const tab = await (await contextOf(browser, serviceWorkers)).newPage()
  const complaints: string[] = []
  tab.on('pageerror', ({ message }) => complaints.push(message))
  tab.on('console', (line) => line.type() === 'error' && complaints.push(line.text()))
  return { tab, complaints }
}

/** Closes a tab that `watchedTab` opened, and those that were opened beside it. The next is on line. */
export async function closeTabs(tab: Page): Promise<void> {
  const [, ...opened] = tab.context().pages()
  for (const page of opened) await page.close()
  await tab.context().setOffline(false)
}

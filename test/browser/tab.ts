import type { Browser, Page } from 'playwright'

/** A tab of its own, and what the browser complains of in it, such as an error or a script that a policy refuses. */
export async function watchedTab(
  browser: Browser,
  { serviceWorkers = 'allow' }: { serviceWorkers?: 'allow' | 'block' } = {},
): Promise<{ tab: Page; complaints: string[] }> {
  const context = await browser.newContext({ locale: 'en-US', serviceWorkers })
  context.setDefaultTimeout(120_000)
  const tab = await context.newPage()
  const complaints: string[] = []
  tab.on('pageerror', ({ message }) => complaints.push(message))
  tab.on('console', (line) => line.type() === 'error' && complaints.push(line.text()))
  return { tab, complaints }
}

// Pictures of the studio for the README, in docs/: node scripts/screenshots.mjs, after a build; needs ImageMagick's convert.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { chromium } from 'playwright'
import { serveStudio } from '../dist/node.js'

const studio = await serveStudio({ port: 0 })
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
const page = await browser.newPage({ viewport: { width: 1100, height: 720 }, colorScheme: 'light', locale: 'en-US' })
await page.goto(`${studio.url}#/train?hiddenSize=96&maxTokens=40000&epochs=60`)
await page.getByRole('button', { name: 'Start training' }).click()
await page.locator('.samples li').nth(3).waitFor()
await page.screenshot({ path: 'docs/studio-train.png' })
await page.locator('nav').getByRole('link', { name: 'Look inside' }).click()
await page.locator('.matrix canvas').first().waitFor()
await page.locator('.coloured button').nth(40).click()
await page.mouse.move(0, 0)
await page.waitForTimeout(2000)
await page.screenshot({ path: 'docs/studio-inside.png' })
for (const name of ['train', 'inside']) {
  execFileSync('convert', [`docs/studio-${name}.png`, '-quality', '70', `docs/studio-${name}.webp`])
  rmSync(`docs/studio-${name}.png`)
}
await browser.close()
await studio.close()

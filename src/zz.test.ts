import { expect, test } from 'vitest'
test('poll', async () => { const t = Date.now(); await expect.poll(() => Date.now() - t).toBeGreaterThan(2500) })

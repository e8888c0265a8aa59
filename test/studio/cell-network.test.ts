import { expect, test } from 'vitest'
import { plainHost } from '../browser/plain-host.js'
import { describeStudio } from './studio.js'

/** Asks the page's own host, also from a worker of its own, where nothing has taken the network's functions away. */
const cell = (address: string) => `
const ask = "fetch('${address}').then(({ status }) => postMessage(status), ({ message }) => postMessage(message))"
const other = new Worker(URL.createObjectURL(new Blob([ask])))
console.log('told', await new Promise((resolve) => { other.onmessage = ({ data }) => resolve(data) }))
await fetch('${address}')`

const hosts = {
  'unrolled studio': {},
  'a host that sends no headers': { serve: () => plainHost('dist/studio', '/any/folder'), worksOffLine: true },
}

for (const [host, options] of Object.entries(hosts)) {
  describeStudio(
    `a cell of the lesson on ${host}`,
    (studio) => {
      test('has no network', async () => {
        const { tab } = studio
        await studio.open('lesson')
        await tab.waitForFunction(() => crossOriginIsolated)
        await tab.evaluate(
          (code) => localStorage.setItem('unrolled lesson', JSON.stringify({ load: code })),
          cell(`${studio.url}icon.svg`),
        )
        await tab.reload()
        const first = tab.getByRole('group', { name: 'Cell 1', exact: true })
        await first.getByRole('button', { name: 'Run' }).click()
        await first.getByText('TypeError: fetch is not a function').waitFor()
        expect(await first.locator('.outputs pre').first().textContent()).toBe('told Failed to fetch')
      })
    },
    options,
  )
}

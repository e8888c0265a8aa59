import { readdirSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { plainHost } from '../browser/plain-host.js'
import { describeStudio } from './studio.js'

/** A host that answers everybody, and counts how often it is asked. */
let other: Server
let asked = 0
beforeAll(async () => {
  other = createServer((_, response) => {
    asked++
    response.writeHead(200, { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' }).end('')
  })
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
})
afterAll(() => void other.close())

/** Asks that host in all ways that a worker has, also from workers of its own, where nothing has taken the network's functions away. */
const cell = (address: string, script: string) => `
const others = {
  fetch: "fetch('${address}').then(() => postMessage('reached'), () => postMessage('refused'))",
  importScripts: "try { importScripts('${address}'); postMessage('reached') } catch { postMessage('refused') }",
  socket: "const socket = new WebSocket('${address.replace('http', 'ws')}'); socket.onopen = socket.onerror = ({ type }) => postMessage(type === 'open' ? 'reached' : 'refused')",
}
for (const [name, ask] of Object.entries(others)) {
  const worker = new Worker(URL.createObjectURL(new Blob([ask])))
  console.log(name, await new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data) }))
}
// A worker of the page's own, which would run cells without a policy.
const own = new Worker('${script}', { type: 'module' })
own.postMessage({ type: 'run', name: 'own', program: 'own', code: '1' })
console.log('script', await new Promise((resolve) => {
  own.onmessage = () => resolve('reached')
  own.onerror = () => resolve('refused')
}))
console.log('import', await eval("import('${address}')").then(() => 'reached', () => 'refused'))
await fetch('${address}')`

const hosts = {
  'unrolled studio': {},
  'a host that sends no headers': { serve: () => plainHost('dist/studio', '/any/folder'), worksOffLine: true },
  'a host that sends no headers, without a service worker': { serve: () => plainHost('dist/studio', '/any/folder') },
}

for (const [host, options] of Object.entries(hosts)) {
  describeStudio(
    `a cell of the lesson on ${host}`,
    (studio) => {
      test('has no network', async () => {
        const { tab } = studio
        const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`
        expect((await fetch(address)).ok).toBe(true)
        await studio.open('lesson')
        if (!host.includes('without')) await tab.waitForFunction(() => crossOriginIsolated)
        const script = readdirSync('dist/studio/assets').find((name) => /^cell-worker.*js$/.test(name))
        await tab.evaluate(
          (code) => localStorage.setItem('unrolled lesson', JSON.stringify({ load: code })),
          cell(address, `${studio.url}assets/${script}`),
        )
        await tab.reload()
        asked = 0
        const first = tab.getByRole('group', { name: 'Cell 1', exact: true })
        await first.getByRole('button', { name: 'Run' }).click()
        await first.getByText('TypeError: fetch is not a function').waitFor()
        const told = await first.locator('.outputs pre').first().textContent()
        expect(told?.split('\n')).toEqual(
          ['fetch', 'importScripts', 'socket', 'script', 'import'].map((name) => `${name} refused`),
        )
        expect(asked).toBe(0)
      })
    },
    options,
  )
}

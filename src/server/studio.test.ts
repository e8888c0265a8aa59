import fs, { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { Vocab } from '../data/vocab.js'
import { unzipModel } from '../formats/zip.js'
import { RNNModel } from '../nn/model.js'
import { RNN } from '../nn/rnn.js'
import { FolderStore } from '../node/folder-store.js'
import { saveModel } from '../node/model-folder.js'
import { resumeRun } from '../run/resume.js'
import { textSource } from '../run/run-text.js'
import { startRun } from '../run/start.js'
import { labelSource, seriesSource, startLabelRun, startSeriesRun } from '../run/table-runs.js'
import { serveStudio } from './studio.js'

const place = mkdtempSync(path.join(tmpdir(), 'unrolled-studio-'))
const folder = path.join(place, 'page')
mkdirSync(folder)
writeFileSync(path.join(folder, 'index.html'), '<!doctype html>the page')
writeFileSync(path.join(folder, '.hidden'), 'hidden')
writeFileSync(path.join(place, 'secret.txt'), 'secret')
mkdirSync(path.join(folder, 'assets'))
writeFileSync(path.join(folder, 'assets/cell-worker-a1_B.js'), 'the worker')
writeFileSync(path.join(folder, 'assets/editor-1.js.br'), brotliCompressSync('the editor'))
const server = await serveStudio({ folder, port: 0 })
const port = Number(new URL(server.url).port)
afterAll(async () => {
  await server.close()
  rmSync(place, { recursive: true, force: true })
})

interface Answer {
  status: number
  text: string
  headers: Record<string, unknown>
}

/** A request as it is written; fetch would tidy the path and set Host itself. */
const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Promise<Answer>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part) => parts.push(part))
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          text: Buffer.concat(parts).toString(),
          headers: response.headers,
        }),
      )
    })
    asked.on('error', reject).end()
  })

test('serves the page, isolated, with a policy that allows no inline scripts and no other server', async () => {
  const { status, text, headers } = await ask('/')
  expect([status, text]).toEqual([200, '<!doctype html>the page'])
  expect(headers).toMatchObject({
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'x-content-type-options': 'nosniff',
  })
  const policy = String(headers['content-security-policy'])
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain('unsafe-inline')
  expect(policy).not.toContain("'unsafe-eval'")
  expect(policy).not.toMatch(/https?:/)
})

test('the worker that runs what readers write makes functions of text, and has no network', async () => {
  const { headers } = await ask('/assets/cell-worker-a1_B.js')
  const policy = String(headers['content-security-policy'])
  expect(policy).toContain("'unsafe-eval'")
  expect(policy).toContain("connect-src 'none'")
  expect(headers['cross-origin-embedder-policy']).toBe('require-corp')
  for (const other of ['/', '/cell-worker-a.js', '/assets/cell-worker-a/x.js']) {
    expect(String((await ask(other)).headers['content-security-policy'])).not.toContain("'unsafe-eval'")
  }
})

test('a script that is there only compressed is unpacked for browsers that do not do it', async () => {
  const { text, headers } = await ask('/assets/editor-1.js')
  expect(text).toBe('the editor')
  expect(headers['content-type']).toContain('text/javascript')
  expect(headers['content-encoding']).toBeUndefined()
  const packed = await fetch(new URL('assets/editor-1.js', server.url), { headers: { 'accept-encoding': 'br' } })
  expect(packed.headers.get('content-encoding')).toBe('br')
  expect(await packed.text()).toBe('the editor')
})

test('a file is sent whole, whatever part of it is asked for', async () => {
  for (const range of ['bytes=5-2', 'bytes=0-9007199254740993', 'bytes=-5', 'bytes=1e3-2e3', 'bytes=2-3', 'x']) {
    expect(await ask('/', { range }), range).toMatchObject({ status: 200, text: '<!doctype html>the page' })
  }
})

test('files may go and come while it serves, as when the page is built again', async () => {
  const file = path.join(folder, 'assets/late-1.js')
  writeFileSync(file, 'late')
  expect(await ask('/assets/late-1.js')).toMatchObject({ status: 200, text: 'late' })
  rmSync(file)
  expect((await ask('/assets/late-1.js')).status).toBe(404)
  const packed = path.join(folder, 'assets/packed-1.js.br')
  writeFileSync(packed, brotliCompressSync('packed'))
  expect(await ask('/assets/packed-1.js')).toMatchObject({ status: 200, text: 'packed' })
  rmSync(packed)
  expect((await ask('/assets/packed-1.js')).status).toBe(404)
})

test('a file that goes after its headers were made ends its answer, and nothing else', async () => {
  writeFileSync(path.join(folder, 'gone.txt'), 'gone')
  const { createReadStream } = fs
  fs.createReadStream = ((...given: Parameters<typeof createReadStream>) => {
    rmSync(given[0])
    return createReadStream(...given)
  }) as typeof createReadStream
  syncBuiltinESMExports()
  try {
    await expect(ask('/gone.txt')).rejects.toThrow()
  } finally {
    fs.createReadStream = createReadStream
    syncBuiltinESMExports()
  }
  expect((await ask('/')).status).toBe(200)
})

test('the lesson gets the text that this machine has, and where it comes from', async () => {
  const { text, source } = JSON.parse((await ask('/texts/book.json')).text)
  expect(text.length).toBeGreaterThan(100_000)
  expect(source).toMatch(/^(The Time Machine|Moby Dick)/)
})

test.each([
  '/../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/..\\secret.txt',
  '//secret.txt',
  '/.hidden',
  '/%2ehidden',
  '/assets/../.hidden',
  '/%00',
  '/%',
  '/none.js',
])('%s gives nothing', async (path) => {
  const { status, text } = await ask(path)
  expect(status).toBe(404)
  expect(text).not.toMatch(/secret$|hidden/)
})

test.each(['//', '/\\', '//[', 'http://localhost:99999999/'])(
  'a request for %s is refused, and the server goes on',
  async (path) => {
    expect((await ask(path)).status).toBe(400)
    expect((await ask('/')).status).toBe(200)
  },
)

test('other hosts, other origins and other methods are refused', async () => {
  expect((await ask('/', { host: 'evil.example' })).status).toBe(403)
  expect((await ask('/', { host: `evil.example:${port}` })).status).toBe(403)
  expect((await ask('/', { host: `localhost:${port + 1}` })).status).toBe(403)
  expect((await ask('/', { origin: 'http://evil.example' })).status).toBe(403)
  expect((await ask('/', { origin: 'null' })).status).toBe(403)
  expect((await ask('/', {}, 'POST')).status).toBe(405)
  expect((await ask('/', { host: `localhost:${port}`, origin: `http://localhost:${port}` })).status).toBe(200)
})

test('a port that is in use, an address of another machine, and a page that is not built are told', async () => {
  await expect(serveStudio({ folder, port })).rejects.toThrow(
    new DataError(`serveStudio: port ${port} is in use; leave the port out to take any that is free`),
  )
  await expect(serveStudio({ folder, host: '192.0.2.1' })).rejects.toThrow('is not an address of this machine')
  await expect(serveStudio({ folder: path.join(place, 'none') })).rejects.toThrow('expected the built page')
  await expect(serveStudio({ port: 70_000 })).rejects.toThrow(OptionError)
  await expect(serveStudio({ port: 1.5 })).rejects.toThrow(OptionError)
})

test('without a port, a second studio takes another than the first', async () => {
  const [first, second] = [await serveStudio({ folder }), await serveStudio({ folder })]
  expect(first.url).not.toBe(second.url)
  await Promise.all([first.close(), second.close()])
})

test('trainings in folders of the same name are told apart', async () => {
  const runs = ['one/run', 'two/run'].map((name) => path.join(place, name))
  for (const run of runs) {
    mkdirSync(run, { recursive: true })
    writeFileSync(path.join(run, 'history.jsonl'), '')
  }
  const studio = await serveStudio({ folder, port: 0, runs })
  expect(await (await fetch(new URL('machine/runs.json', studio.url))).json()).toEqual(['one/run', 'two/run'])
  await studio.close()
})

test('shows trainings of this machine: their names, their events as they come, and their models', async () => {
  const run = path.join(place, 'my run')
  mkdirSync(run)
  await expect(serveStudio({ folder, runs: [run] })).rejects.toThrow('expected the folder of a training')
  writeFileSync(path.join(run, 'history.jsonl'), '{"type":"resume"}\n')
  const file = path.join(run, 'history.jsonl')
  await expect(serveStudio({ folder, runs: [file] })).rejects.toThrow('expected the folder of a training')
  const studio = await serveStudio({ folder, port: 0, runs: [run] })
  try {
    const get = (path: string) => fetch(new URL(path, studio.url))
    expect(await (await get('machine/runs.json')).json()).toEqual(['my run'])
    writeFileSync(path.join(run, 'history.jsonl'), '{"type":"epoch"}\n')
    expect(await (await get('machine/0/history.jsonl')).text()).toBe('{"type":"epoch"}\n')
    const part = (from: number) =>
      fetch(new URL('machine/0/history.jsonl', studio.url), { headers: { range: `bytes=${from}-` } })
    const some = await part(2)
    expect([some.status, some.headers.get('content-range'), await some.text()]).toEqual([
      206,
      'bytes 2-16/17',
      'type":"epoch"}\n',
    ])
    expect((await part(17)).status).toBe(416)
    expect((await get('machine/1/history.jsonl')).status).toBe(404)
    const none = await get('machine/0/model.zip')
    expect(none.status).toBe(500)
    expect(await none.text()).toContain('config.json is missing')

    const rnn = new RNN({ inputSize: 3, hiddenSize: 2 })
    const [model, vocab] = [new RNNModel(rnn, 3), Vocab.of(['<unk>', 'a', 'b'])]
    rmSync(run, { recursive: true })
    await saveModel(run, model, vocab)
    const standing = await (await get('machine/0/standing.json')).json()
    expect(standing).toEqual({ state: 'ended', kind: 'text', cell: 'rnn', hiddenSize: 2, numLayers: 1 })
    const zip = new Uint8Array(await (await get('machine/0/model.zip')).arrayBuffer())
    expect((await unzipModel(zip)).model.stateDict()).toEqual(model.stateDict())
  } finally {
    await studio.close()
  }
})

test('says of a training what it is, and whether it goes on, was stopped, or has ended', async () => {
  const run = path.join(place, 'standing')
  const [store, text] = [new FolderStore(run), textSource('she sells sea shells '.repeat(20))]
  const options = { cell: 'gru', hiddenSize: 4, batchSize: 2, numSteps: 5, epochs: 2 } as const
  const started = await startRun(store, text, options)
  const sizes = { kind: 'text', cell: 'gru', hiddenSize: 4, numLayers: 1 }
  for await (const event of started.events()) if (event.type === 'epoch') break
  const studio = await serveStudio({ folder, port: 0, runs: [run] })
  try {
    const standing = async () => (await fetch(new URL('machine/0/standing.json', studio.url))).json()
    expect(await standing()).toEqual({ state: 'running', ...sizes })
    await started.close()
    expect(await standing()).toEqual({ state: 'stopped', ...sizes })
    const resumed = await resumeRun(store, text)
    for await (const _ of resumed.events());
    await resumed.close()
    expect(await standing()).toEqual({ state: 'ended', ...sizes })
  } finally {
    await studio.close()
  }
})

test('says of trainings on series and on labels what they are, from the first step on', async () => {
  const series = `date,sales\n${Array.from({ length: 60 }, (_, i) => `${new Date(i * 86_400_000).toISOString().slice(0, 10)},${i % 7}`).join('\n')}\n`
  const labels = `text,label\n${Array.from({ length: 40 }, (_, i) => (i % 2 ? 'good day,yes' : 'bad day,no')).join('\n')}\n`
  const sizes = { cell: 'gru', hiddenSize: 4, numLayers: 1 } as const
  const options = { ...sizes, epochs: 1 }
  const runs = ['of series', 'of labels'].map((name) => path.join(place, name))
  const started = [
    await startSeriesRun(
      new FolderStore(runs[0]),
      seriesSource(series, 'sales.csv', { target: 'sales', window: 7, horizon: 1, validation: 0.1, test: 0.1 }),
      options,
    ),
    await startLabelRun(
      new FolderStore(runs[1]),
      labelSource(labels, 'days.csv', { textColumn: 'text', labelColumn: 'label' }),
      options,
    ),
  ]
  const told = (state: string) => ['series', 'labels'].map((kind) => ({ state, kind, ...sizes }))
  const events = started.map((run) => run.events())
  for (const one of events) await one.next()
  const studio = await serveStudio({ folder, port: 0, runs })
  try {
    const standings = () =>
      Promise.all(runs.map(async (_, i) => (await fetch(new URL(`machine/${i}/standing.json`, studio.url))).json()))
    expect(await standings()).toEqual(told('running'))
    for (const one of events) for await (const _ of one);
    for (const run of started) await run.close()
    expect(await standings()).toEqual(told('ended'))
  } finally {
    await studio.close()
  }
})

import { execFileSync } from 'node:child_process'
import { constants, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadCorpus } from './load-corpus.js'
import { loadTable } from './load-labels.js'
import { loadSeries } from './load-series.js'
import { readText } from './read-text.js'
import { openSources } from './sources.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-pipe-'))
const at = (name: string) => path.join(folder, name)
const pipe = at('pipe')
const copies = () => readdirSync(folder).filter((name) => name.includes('unrolled-text'))
beforeAll(() => {
  vi.stubEnv('TMPDIR', folder)
  if (process.platform !== 'win32') execFileSync('mkfifo', [pipe])
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** A signal that aborts after the work has begun to wait. */
const soon = () => AbortSignal.timeout(100)

describe('a stream that stays silent', () => {
  const silent = () => new Readable({ read() {} })

  test.each([
    ['had come before', 'AbortError', () => AbortSignal.abort()],
    ['comes later', 'TimeoutError', soon],
  ])('is left at a signal that %s', async (_, name, signal) => {
    await expect(loadCorpus('-', { stdin: silent(), signal: signal() })).rejects.toMatchObject({ name })
    expect(copies()).toEqual([])
  })

  test('is left at a signal between any two steps of the work', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const abort = new AbortController()
      const reading = openSources('-', 'test', { stdin: silent(), signal: abort.signal })
      const failed = expect(reading).rejects.toMatchObject({ name: 'AbortError' })
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
      abort.abort()
      await failed
    }
    expect(copies()).toEqual([])
  })
})

test('nothing is read once the signal has aborted', async () => {
  await writeFile(at('file.csv'), 'v\n1\n')
  const [signal, aborted] = [AbortSignal.abort(), { name: 'AbortError' }]
  await expect(openSources(at('file.csv'), 'test', { signal })).rejects.toMatchObject(aborted)
  await expect(loadTable(at('file.csv'), { signal })).rejects.toMatchObject(aborted)
})

describe.skipIf(process.platform === 'win32')('a pipe with a name (not on Windows, which has none)', () => {
  const csv = `t,v\n${Array.from({ length: 30_000 }, (_, i) => `${i},${i % 7}`).join('\n')}\n`

  test('is read to its end, even if its writer comes later', async () => {
    const [{ corpus, close }] = await Promise.all([
      loadCorpus(pipe, { tokens: 'byte' }),
      new Promise((resolve) => setTimeout(resolve, 50)).then(() => writeFile(pipe, csv)),
    ])
    expect(corpus.length).toBe(csv.length)
    await close()
    const [table] = await Promise.all([loadTable(pipe), writeFile(pipe, csv)])
    expect([table.columns, table.rows.length]).toEqual([['t', 'v'], 30_000])
  })

  test('without a writer is left at a signal', async () => {
    const timedOut = { name: 'TimeoutError' }
    await expect(loadCorpus(pipe, { signal: soon() })).rejects.toMatchObject(timedOut)
    await expect(loadTable(pipe, { signal: soon() })).rejects.toMatchObject(timedOut)
    const windows = { target: 'v', window: 4, horizon: 1 }
    await expect(loadSeries(pipe, windows, { signal: soon() })).rejects.toMatchObject(timedOut)
    expect(copies()).toEqual([])
  })

  // A reader that stays open would keep the process alive until somebody writes.
  const hasReader = () => {
    try {
      openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)
      return true
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENXIO')
      return false
    }
  }

  test('has no reader left after a signal between any two steps of the work', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const abort = new AbortController()
      const failed = expect(readText(pipe, { signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' })
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
      abort.abort()
      await failed
      await vi.waitFor(() => expect(hasReader()).toBe(false), { timeout: 100_000 })
    }
    expect(copies()).toEqual([])
  })

  test('is refused with advice, and left, where no copy can be made', async () => {
    vi.stubEnv('TMPDIR', at('missing'))
    try {
      await expect(readText(pipe)).rejects.toThrow(
        `${pipe}: a text that can be read only once is copied to ${at('missing')}, where it cannot be written, because no new files can be made there; set TMPDIR to another folder, or give a file`,
      )
      expect(hasReader()).toBe(false)
    } finally {
      vi.stubEnv('TMPDIR', folder)
    }
  })

  test('a socket is no text', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(at('socket'), resolve))
    try {
      await expect(loadCorpus(at('socket'))).rejects.toThrow(/socket: it is a socket, expected a file$/)
      await expect(loadTable(at('socket'))).rejects.toThrow(/socket: .*, expected a CSV file$/)
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

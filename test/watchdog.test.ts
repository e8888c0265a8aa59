import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'

// Tests of the watchdog that ends a test run that hangs: see .ci/run.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-watchdog-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a script under the watchdog. */
const watched = (idle: number, limit: number, script: string) =>
  spawnSync(process.execPath, ['scripts/watchdog.mjs', `${idle}`, `${limit}`, process.execPath, '--eval', script], {
    encoding: 'utf8',
  })

/** Waits for the end of a process that was sent a signal; it may remain as a zombie until its parent asks for it. */
const ended = (pid: number) =>
  vi.waitUntil(() => !existsSync(`/proc/${pid}`) || / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')), {
    timeout: 600_000,
  })

test('the output and the exit code are those of the command', () => {
  const { status, stdout, stderr } = watched(60, 60, 'console.log(1); console.error(2); process.exitCode = 3')
  expect([status, stdout, stderr]).toEqual([3, '1\n', '2\n'])
  expect(watched(60, 60, 'process.kill(process.pid)').status).toBe(1)
})

test('a command that waits forever is ended, and so are the processes that it started', async () => {
  const file = path.join(folder, 'pid')
  const script = `
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
    require('node:fs').writeFileSync(${JSON.stringify(file)}, String(child.pid))
    setInterval(() => {}, 1e6)`
  const { status, stderr } = watched(3, 3600, script)
  expect(status).toBe(124)
  expect(stderr).toContain('used no processor time for 3 seconds')
  const pid = Number(readFileSync(file, 'utf8'))
  expect(stderr).toContain(`  ${pid}, `)
  await ended(pid)
})

test('a command that computes silently is not ended, nor if only a process that it started does', () => {
  // One second of processor time, in 40 parts with pauses between them, lasts longer than the watchdog waits.
  const compute = `
    const wait = new Int32Array(new SharedArrayBuffer(4))
    while (process.cpuUsage().user < 1e6) {
      const end = process.cpuUsage().user + 25e3
      while (process.cpuUsage().user < end);
      Atomics.wait(wait, 0, 0, 100)
    }`
  expect(watched(2, 3600, compute).status).toBe(0)
  const started = `require('node:child_process').spawnSync(process.execPath, ['--eval', ${JSON.stringify(compute)}])`
  expect(watched(2, 3600, started).status).toBe(0)
})

test('a command that computes forever is ended at the limit', () => {
  const { status, stderr } = watched(3600, 2, 'for (;;);')
  expect([status, stderr]).toEqual([124, expect.stringContaining('runs for more than 2 seconds')])
})

test('processes that a command leaves running end with it', async () => {
  const script = `
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
    child.unref()
    console.log(child.pid)`
  const { status, stdout } = watched(60, 60, script)
  expect(status).toBe(0)
  await ended(Number(stdout))
})

test('without a command it prints its usage', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/watchdog.mjs', 'x'], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([2, expect.stringMatching(/^usage: /)])
})

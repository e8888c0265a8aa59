import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, test, vi } from 'vitest'

// Tests of the watchdog that ends a test run that hangs: see .ci/run.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-watchdog-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a script under the watchdog. */
const watched = (idle: number, limit: number, script: string) =>
  ended('scripts/watchdog.mjs', `${idle}`, `${limit}`, process.execPath, '--eval', script)

/** Runs Node to its end. */
const ended = (...args: string[]) =>
  new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(process.execPath, args, (_, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    )
  })

/** Waits for the end of a process that was sent a signal; it may remain as a zombie until its parent asks for it. */
const gone = (pid: number) =>
  vi.waitUntil(() => !existsSync(`/proc/${pid}`) || / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')), {
    timeout: 600_000,
  })

test.concurrent('the output and the exit code are those of the command', async ({ expect }) => {
  const { status, stdout, stderr } = await watched(60, 60, 'console.log(1); console.error(2); process.exitCode = 3')
  expect([status, stdout, stderr]).toEqual([3, '1\n', '2\n'])
  expect((await watched(60, 60, 'process.kill(process.pid)')).status).toBe(1)
})

test.concurrent('a command that waits forever is ended, and so are the processes that it started', async ({
  expect,
}) => {
  const file = path.join(folder, 'pid')
  const script = `
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
    require('node:fs').writeFileSync(${JSON.stringify(file)}, String(child.pid))
    setInterval(() => {}, 1e6)`
  const { status, stderr } = await watched(3, 3600, script)
  expect(status).toBe(124)
  expect(stderr).toContain('used no processor time for 3 seconds')
  const pid = Number(readFileSync(file, 'utf8'))
  expect(stderr).toContain(`  ${pid}, `)
  await gone(pid)
})

test.concurrent('a command that computes silently is not ended, nor if only a process that it started does', async ({
  expect,
}) => {
  // 24 parts of 20 ms with pauses between them last for more than twice as long as the watchdog waits.
  const compute = `
    const wait = new Int32Array(new SharedArrayBuffer(4))
    const used = () => { const { user, system } = process.cpuUsage(); return user + system }
    for (let part = 0; part < 24; part++) {
      const end = used() + 20e3
      while (used() < end) for (let i = 0; i < 1e5; i++);
      Atomics.wait(wait, 0, 0, 200)
    }`
  const started = `require('node:child_process').spawnSync(process.execPath, ['--eval', ${JSON.stringify(compute)}])`
  const both = await Promise.all([compute, started].map((script) => watched(2, 3600, script)))
  expect(both.map(({ status }) => status)).toEqual([0, 0])
})

test.concurrent('a command that computes forever is ended at the limit', async ({ expect }) => {
  const { status, stderr } = await watched(3600, 2, 'for (;;);')
  expect([status, stderr]).toEqual([124, expect.stringContaining('runs for more than 2 seconds')])
})

test.concurrent('processes that a command leaves running end with it', async ({ expect }) => {
  const script = `
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
    child.unref()
    console.log(child.pid)`
  const { status, stdout } = await watched(60, 60, script)
  expect(status).toBe(0)
  await gone(Number(stdout))
})

test.concurrent('without a command it prints its usage', async ({ expect }) => {
  const { status, stderr } = await ended('scripts/watchdog.mjs', 'x')
  expect([status, stderr]).toEqual([2, expect.stringMatching(/^usage: /)])
})

import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ProgressBar } from './bar.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
})

test('no cursor movements on a terminal that says it is dumb', () => {
  vi.stubEnv('TERM', 'dumb')
  const stream = Object.assign(new PassThrough(), { isTTY: true }) as unknown as NodeJS.WriteStream & PassThrough
  const bar = new ProgressBar('counting', stream)
  vi.advanceTimersByTime(30_000)
  bar.update(0.5)
  bar.end()
  expect(String(stream.read() ?? '')).toBe('counting 50 %\n')
})

test('without a terminal, long work prints its progress now and then, and short work prints nothing', () => {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream & PassThrough
  const work = (seconds: number) => {
    const bar = new ProgressBar('counting', stream)
    for (let second = 1; second <= seconds; second++) {
      vi.advanceTimersByTime(1000)
      bar.update(second / seconds)
    }
    bar.end()
    return String(stream.read() ?? '')
  }
  expect(work(15)).toBe('')
  expect(work(90)).toBe('counting 22 %\ncounting 44 %\ncounting 66 %\ncounting 88 %\n')
})

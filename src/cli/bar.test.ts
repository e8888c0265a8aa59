import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ProgressBar } from './bar.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('without a terminal long work tells now and then how far it is, and short work nothing', () => {
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

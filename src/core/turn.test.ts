import { afterEach, expect, test, vi } from 'vitest'
import { Turns } from './turn.js'

afterEach(() => {
  vi.restoreAllMocks()
})

test('work waits for a turn of the event loop once in 40 ms, and not at each call', async () => {
  let now = 1000
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const turn = vi.spyOn(globalThis, 'setImmediate')
  const turns = new Turns()
  const took: number[] = []
  for (; now <= 1200; now += 10) {
    await turns.take()
    if (turn.mock.calls.length > took.length) took.push(now)
  }
  expect(took).toEqual([1040, 1080, 1120, 1160, 1200])
})

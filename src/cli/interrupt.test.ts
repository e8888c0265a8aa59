import { stat } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { endable, interruptible } from './interrupt.js'

const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const
const listeners = () => signals.map((name) => process.listenerCount(name))

test('signals are heard during the work, have their default effect in work without a turn, and are as before at last', async () => {
  const before = listeners()
  const heard = before.map((count) => count + 1)
  await interruptible(async () => {
    expect(listeners()).toEqual(heard)
    expect(await endable(() => listeners())).toEqual(before)
    await expect(
      endable(() => {
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(listeners()).toEqual(heard)
  })
  expect(listeners()).toEqual(before)
})

test('a signal that came just before work without a turn still aborts it', async () => {
  const before = process.exitCode
  let begun = false
  const work = interruptible(async () => {
    // In a turn in which the event loop hears of a file, it has asked for signals already.
    await stat('.')
    // The system has handed the signal over when kill returns, but its listeners wait for a turn.
    process.kill(process.pid, 'SIGINT')
    await endable(() => {
      begun = true
    })
  })
  await expect(work).rejects.toThrow('This operation was aborted')
  expect([begun, process.exitCode]).toEqual([false, 130])
  process.exitCode = before
})

test.each([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s aborts the work; the exit code tells of it', async (name, code) => {
  const before = process.exitCode
  const aborted = await interruptible(async (signal) => {
    process.emit(name)
    // A terminal that closes and `timeout` signal more than once, which is no wish to end at once.
    if (name !== 'SIGINT') process.emit(name)
    return signal.aborted
  })
  expect([aborted, process.exitCode]).toEqual([true, code])
  process.exitCode = before
})

import { expect, test } from 'vitest'
import { FollowedHistory } from './followed'

const line = (step: number) => JSON.stringify({ type: 'resume', epoch: 1, step, options: {}, seconds: 1 })

test('of a history that grows, only what is new is read; one that was cut off and written anew is read again', async () => {
  let file = ''
  const asked: number[] = []
  const followed = new FollowedHistory('a run', async (from) => {
    asked.push(from)
    const bytes = new TextEncoder().encode(file)
    return from < bytes.length || from === 0 ? bytes.slice(from) : undefined
  })
  const steps = async () => (await followed.events()).map(({ step }) => step)
  expect(await steps()).toEqual([])
  file = `${line(1)}\n${line(2)}\n${line(3).slice(0, 9)}`
  expect(await steps()).toEqual([1, 2])
  file = `${line(1)}\n${line(2)}\n${line(3)}\n`
  expect(await steps()).toEqual([1, 2, 3])
  expect(await steps()).toEqual([1, 2, 3])
  // The last line that is known is compared, so reading begins there.
  const whole = line(1).length + 1
  expect(asked).toEqual([0, 0, whole, 2 * whole])
  file = `${line(1)}\n${line(2)}\n${line(4)}\n${line(5)}\n`
  expect(await steps()).toEqual([1, 2, 4, 5])
  file = `${line(1)}\n`
  expect(await steps()).toEqual([1])
})

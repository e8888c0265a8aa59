import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { SequenceData } from '../data/sequences.js'
import { duration, trainView } from './view.js'

/** A stream that keeps what is written; one that says it is a terminal has a size. */
function fakeStream(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 }) as unknown as NodeJS.WriteStream
  const chunks: string[] = []
  stream.on('data', (chunk) => chunks.push(String(chunk)))
  return { stream, written: () => chunks.join('') }
}

const data = (steps: number) => new SequenceData(new Uint8Array(20 * steps + 15), { batchSize: 2, numSteps: 10 })
const rates = { lr: 1, gradNorm: 1, tokensPerSecond: 1234.4 }
const epoch = (epoch: number, epochs: number, perplexity = 2) =>
  ({ type: 'epoch', epoch, epochs, step: epoch, loss: 1, perplexity, ...rates }) as const
const step = (batch: number, epochs: number) =>
  ({ type: 'step', epoch: 1, epochs, step: batch, batch, loss: Math.log(7), ...rates }) as const
const settled = () => new Promise((resolve) => setTimeout(resolve, 20))

describe('progress without a terminal', () => {
  test('a line every tenth of the epochs, and the samples', async () => {
    const { stream, written } = fakeStream(false)
    const view = trainView(data(4), 500, stream)
    for (let i = 1; i <= 500; i++) view.epoch(epoch(i, 500, 30 - i / 20))
    view.sample('time traveller')
    view.end()
    await settled()
    const lines = written().trimEnd().split('\n')
    expect(lines).toHaveLength(11)
    expect(lines[0]).toMatch(/^ 10 % {2}epoch 50\/500 {2}perplexity 27\.50 {2}1234 tokens\/s {2}\d+:\d\d left$/)
    expect(lines[9]).toMatch(/^100 % {2}epoch 500\/500 .* 0:00 left$/)
    expect(lines[10]).toBe('  time traveller')
  })

  test('one long epoch is told in tenths, too', async () => {
    const { stream, written } = fakeStream(false)
    const view = trainView(data(1000), 1, stream)
    for (let i = 1; i <= 1000; i++) view.step(step(i, 1))
    view.epoch(epoch(1, 1))
    await settled()
    const percents = [...written().matchAll(/(\d+) %/g)].map(([, percent]) => Number(percent))
    expect(percents).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
    expect(written()).toContain('perplexity 7.00')
  })
})

describe('progress on a terminal', () => {
  test('one line that is drawn again, at most about ten times a second, with samples above it', async () => {
    const { stream, written } = fakeStream(true)
    const view = trainView(data(4), 40, stream)
    const start = performance.now()
    for (let i = 1; i <= 40; i++) {
      view.epoch(epoch(i, 40, 3.456))
      if (i === 20) view.sample('a sample')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    view.end()
    view.end()
    const allowed = ((performance.now() - start) / 1000) * 10 + 4
    await settled()
    const drawn = written().match(/epoch \d+\/40/g) ?? []
    expect(drawn.length).toBeLessThanOrEqual(allowed)
    expect(drawn.at(-1)).toBe('epoch 40/40')
    expect(written()).toMatch(/perplexity .*3\.46.* {2}1234 tokens\/s {2}0:00 left/)
    expect(written()).toContain('a sample')
    const [hidden, shown] = ['\x1b[?25l', '\x1b[?25h'].map((code) => written().split(code).length - 1)
    expect([hidden, shown]).toEqual([1, 1])
  })
})

test('durations', () => {
  expect([0, 9.4, 75, 3600, 7384].map(duration)).toEqual(['0:00', '0:09', '1:15', '1:00:00', '2:03:04'])
})

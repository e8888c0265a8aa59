import { PassThrough } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { SequenceData } from '../data/sequences.js'
import { duration, trainView } from './view.js'

/** A stream that keeps what is written; one that says it is a terminal has a size. */
function fakeStream(isTTY: boolean, columns = 100) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns }) as unknown as NodeJS.WriteStream
  const chunks: string[] = []
  stream.on('data', (chunk) => chunks.push(String(chunk)))
  return { stream, written: () => chunks.join('') }
}

/** What a terminal shows after the codes that the view writes; it fails for any other, and where a line runs over. */
function screen(written: string, columns: number) {
  const lines = ['']
  let [row, column] = [0, 0]
  for (const [, code, end, plain] of written.matchAll(/\p{Cc}\[([\d;?]*)([A-Za-z])|(.)/gsu)) {
    if (plain === '\n') [row, column] = [row + 1, 0]
    else if (plain !== undefined) {
      expect(column).toBeLessThan(columns - 1)
      lines[row] = (lines[row] ?? '').padEnd(column).slice(0, column) + plain + (lines[row] ?? '').slice(column + 1)
      column++
    } else if (end === 'G') column = Number(code) - 1
    else if (end === 'A') row -= Number(code)
    else if (end === 'K') lines[row] = code === '2' ? '' : (lines[row] ?? '').slice(0, column)
    else expect(end).toMatch(/[hlm]/)
  }
  return { lines: lines.map((line) => line.trimEnd()).filter((line) => line !== '') }
}

const data = (steps: number) => new SequenceData(new Uint8Array(20 * steps + 15), { batchSize: 2, numSteps: 10 })
const running = { lr: 0.5, gradNorm: 1, tokensPerSecond: 1234.4 }
const epoch = (epoch: number, epochs: number, perplexity = 2, rest = {}) =>
  ({ type: 'epoch', epoch, epochs, step: epoch, loss: 1, perplexity, ...running, ...rest }) as const
const step = (batch: number, epochs: number, loss = Math.log(7), epoch = 1) =>
  ({ type: 'step', epoch, epochs, step: batch, batch, loss, ...running }) as const
const validation = (epoch: number, perplexity: number, best = true) =>
  ({ type: 'validation', epoch, step: epoch, loss: Math.log(perplexity), perplexity, best }) as const
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
    expect(lines[0]).toMatch(
      /^ 10 % {2}epoch 50\/500 {2}perplexity 27\.50 {2}gradient norm 1\.00 {2}1234 tokens\/s {2}\d+:\d\d left$/,
    )
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

  test('validations: in the lines, and one of its own in each tenth', async () => {
    const { stream, written } = fakeStream(false)
    const view = trainView(data(4), 40, stream)
    for (let i = 1; i <= 40; i++) {
      view.epoch(epoch(i, 40))
      view.validation(validation(i, 100 - i, i !== 40))
    }
    await settled()
    const lines = written().trimEnd().split('\n')
    const own = lines.filter((line) => line.includes('validation perplexity'))
    expect(own).toHaveLength(11)
    expect(own[0].trim()).toBe('validation perplexity 99.00 in epoch 1, the best so far')
    expect(lines.at(-1)?.trim()).toBe('validation perplexity 60.00 in epoch 40')
    expect(lines.at(-2)).toMatch(/^100 % .*perplexity 2\.00 {2}validation 61\.00 /)
  })

  test('the learning rate, once it changes', async () => {
    const { stream, written } = fakeStream(false)
    const view = trainView(data(4), 10, stream)
    for (let i = 1; i <= 10; i++) view.epoch(epoch(i, 10, 2, { lr: i < 5 ? 0.5 : 0.0125 }))
    await settled()
    const shown = written().trimEnd().split('\n')
    expect(shown.map((line) => /lr (\S+)/.exec(line)?.[1])).toEqual([...Array(4), ...Array(6).fill('0.0125')])
  })

  test('a perplexity that is too large for a number', async () => {
    const { stream, written } = fakeStream(false)
    const view = trainView(data(10), 1, stream)
    for (let i = 1; i <= 10; i++) view.step(step(i, 1, 710))
    await settled()
    expect(written()).toMatch(/ {2}perplexity beyond 1e308 {2}/)
  })

  test('within a long epoch: its own mean, not the epoch before it', async () => {
    const { stream, written } = fakeStream(false)
    const view = trainView(data(1000), 2, stream)
    for (let i = 1; i <= 1000; i++) view.step(step(i, 2))
    view.epoch(epoch(1, 2, 7))
    for (let i = 1; i <= 1000; i++) view.step(step(i, 2, Math.log(3), 2))
    await settled()
    expect(written()).toMatch(/ 90 % {2}epoch 2\/2 {2}perplexity 3\.00/)
  })
})

describe('time left', () => {
  /** What the last line says, when each epoch takes ten seconds. */
  async function leftAfter(epochs: number[], total: number, done?: { epoch: number; batch: number }) {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0)
    const { stream, written } = fakeStream(false)
    const view = trainView(data(4), total, stream, done)
    for (const [i, one] of epochs.entries()) {
      now.mockReturnValue((i + 1) * 10_000)
      view.epoch(epoch(one, total))
    }
    now.mockRestore()
    await settled()
    const lines = written().trimEnd().split('\n')
    return { lines: lines.length, left: /(\S+) left$/.exec(lines.at(-1) ?? '')?.[1] }
  }

  test('from the pace until now', async () => {
    expect(await leftAfter([1, 2, 3], 10)).toEqual({ lines: 3, left: '1:10' })
  })

  test('after a resume: from what was done since', async () => {
    expect(await leftAfter([8], 10, { epoch: 7, batch: 0 })).toEqual({ lines: 1, left: '0:20' })
    expect(await leftAfter([8, 9], 10, { epoch: 7, batch: 0 })).toEqual({ lines: 2, left: '0:10' })
  })

  test('after a resume within an epoch, told in steps', async () => {
    // Half of the third epoch of ten was done: half an epoch in ten seconds leaves seven.
    expect(await leftAfter([3], 10, { epoch: 2, batch: 2 })).toEqual({ lines: 1, left: '2:20' })
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

  test.each([40, 60, 80, 120])('%i columns: nothing runs over, and what matters is there', async (columns) => {
    const { stream, written } = fakeStream(true, columns)
    const view = trainView(data(4), 500, stream, { epoch: 100, batch: 0 })
    const big = { tokensPerSecond: 1_234_567, gradNorm: 123.4567 }
    view.epoch(epoch(122, 500, 1234.567, big))
    view.epoch(epoch(123, 500, 1234.567, { ...big, lr: 0.000125 }))
    view.validation(validation(123, 2345.678))
    view.end()
    await settled()
    const { lines } = screen(written(), columns)
    expect(lines.length).toBeLessThanOrEqual(2)
    const text = lines.join('  ')
    for (const part of ['epoch 123/500', 'perplexity 1234.57', 'validation 2345.68']) expect(text).toContain(part)
    if (columns < 80) return
    for (const part of ['░', 'gradient norm 123.46', 'lr 0.000125', '1234567 tokens/s', ' left']) {
      expect(text).toContain(part)
    }
  })

  test('a sample of several lines stands above the lines, whole, with its control characters made visible', async () => {
    const { stream, written } = fakeStream(true, 80)
    const view = trainView(data(4), 10, stream)
    view.epoch(epoch(1, 10))
    view.validation(validation(1, 5))
    await new Promise((resolve) => setTimeout(resolve, 150))
    view.sample('one\ntwo\x1b[2J\x07\nthree')
    await new Promise((resolve) => setTimeout(resolve, 150))
    view.epoch(epoch(2, 10))
    view.end()
    await settled()
    const { lines } = screen(written(), 80)
    expect(lines.slice(0, 3)).toEqual(['  one', '  two^[[2J^G', '  three'])
    expect(lines[3]).toMatch(/^█+░+ {2}epoch 2\/10 {2}perplexity 2\.00 {2}validation 5\.00/)
    expect(lines).toHaveLength(5)
  })
})

test('a terminal that says it is dumb gets the lines of a file', async () => {
  vi.stubEnv('TERM', 'dumb')
  const { stream, written } = fakeStream(true)
  const view = trainView(data(4), 10, stream)
  view.epoch(epoch(1, 10))
  view.sample('a sample')
  view.end()
  vi.unstubAllEnvs()
  await settled()
  expect(written()).toMatch(/^ 10 % {2}epoch 1\/10 .* left\n {2}a sample\n$/)
})

test('durations', () => {
  expect([0, 9.4, 75, 3600, 7384].map(duration)).toEqual(['0:00', '0:09', '1:15', '1:00:00', '2:03:04'])
})

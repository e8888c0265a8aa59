import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { DataError, FormatError } from '../core/errors.js'
import type { EpochEvent, StepEvent, ValidationEvent } from '../train/training-events.js'
import { HistoryWriter, readHistory } from './history.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-history-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => vi.restoreAllMocks())
let files = 0
const fresh = () => path.join(folder, `run-${++files}`, 'history.jsonl')

const running = { epochs: 9, lr: 0.5, gradNorm: 1.25, tokensPerSecond: 1000.5 }
const step = (step: number): StepEvent => ({
  type: 'step',
  epoch: 1,
  step,
  batch: step,
  loss: 3 / step,
  ...running,
})
const epoch = (epoch: number, step: number): EpochEvent => {
  const loss = 2 / epoch
  return { type: 'epoch', epoch, step, loss, perplexity: Math.exp(loss), ...running }
}
const validation = (epoch: number, step: number): ValidationEvent => {
  const loss = 2.5 / epoch
  return { type: 'validation', epoch, step, loss, perplexity: Math.exp(loss), best: true }
}
/** A clock that shows the time that it was set to. */
const clock = () => {
  const now = vi.spyOn(performance, 'now')
  return (seconds: number) => now.mockReturnValue(seconds * 1000)
}
const withoutSeconds = ({ seconds: _, ...event }: { seconds: number }) => event

describe('writing', () => {
  test('an event a line, as it was, and when', async () => {
    const file = fresh()
    const at = clock()
    at(100)
    const writer = await HistoryWriter.open(file)
    const events = [step(1), epoch(1, 10), validation(1, 10), epoch(2, 20)]
    for (const [i, event] of events.entries()) {
      at(102.5 + i)
      await writer.write(event)
    }
    const lines = readFileSync(file, 'utf8').split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => JSON.parse(line))).toEqual(events.map((event, i) => ({ ...event, seconds: 2.5 + i })))
    expect(await readHistory(file)).toEqual(lines.map((line) => JSON.parse(line)))
  })

  test('steps at most once an interval; epochs and validations always', async () => {
    const file = fresh()
    const at = clock()
    at(0)
    const writer = await HistoryWriter.open(file, { interval: 2 })
    for (let i = 1; i <= 50; i++) {
      at(i / 10)
      await writer.write(step(i))
      if (i % 10 === 0) await writer.write(epoch(i / 10, i))
      if (i % 10 === 0) await writer.write(validation(i / 10, i))
    }
    const events = await readHistory(file)
    expect(events.filter(({ type }) => type === 'step').map((event) => event.step)).toEqual([1, 21, 41])
    expect(events.filter(({ type }) => type !== 'step')).toHaveLength(10)
  })

  test('an older history of the same name goes away', async () => {
    const file = fresh()
    await (await HistoryWriter.open(file)).write(epoch(1, 10))
    await (await HistoryWriter.open(file)).write(epoch(7, 70))
    expect((await readHistory(file)).map(({ epoch }) => epoch)).toEqual([7])
  })

  test('continues in a folder that was replaced in the meantime', async () => {
    const file = fresh()
    const writer = await HistoryWriter.open(file)
    await writer.write(epoch(1, 10))
    const [place, kept] = [path.dirname(file), readFileSync(file)]
    renameSync(place, `${place}-old`)
    await HistoryWriter.open(file)
    writeFileSync(file, kept)
    await writer.write(epoch(2, 20))
    expect((await readHistory(file)).map(({ epoch }) => epoch)).toEqual([1, 2])
  })

  test('an infinite perplexity is read back as it was', async () => {
    const file = fresh()
    await (await HistoryWriter.open(file)).write({ ...epoch(1, 10), loss: 800, perplexity: Infinity })
    expect((await readHistory(file))[0]).toMatchObject({ loss: 800, perplexity: Infinity })
  })
})

describe('going on', () => {
  test('drops what came after a checkpoint, and goes on counting seconds', async () => {
    const file = fresh()
    const at = clock()
    at(0)
    const first = await HistoryWriter.open(file)
    let bytes = 0
    for (const [i, event] of [epoch(1, 10), validation(1, 10), epoch(2, 20), validation(2, 20)].entries()) {
      at(i + 1)
      await first.write(event)
      if (i === 1) bytes = first.bytes
    }
    appendFileSync(file, '{"type":"ep')
    at(1000)
    const second = await HistoryWriter.open(file, { bytes })
    expect(second.earlier.map(withoutSeconds)).toEqual([epoch(1, 10), validation(1, 10)])
    at(1005)
    await second.write(epoch(2, 20))
    const events = await readHistory(file)
    expect(events.map(withoutSeconds)).toEqual([epoch(1, 10), validation(1, 10), epoch(2, 20)])
    expect(events.map(({ seconds }) => seconds)).toEqual([1, 2, 7])
  })

  test('begins a new file if there is none', async () => {
    const file = fresh()
    await (await HistoryWriter.open(file, { bytes: 99 })).write(epoch(2, 20))
    expect(await readHistory(file)).toHaveLength(1)
  })
})

describe('reading', () => {
  const line = (event: object) => `${JSON.stringify({ ...event, seconds: 1 })}\n`

  test('wherever a process was killed, the whole lines before are read', async () => {
    const file = fresh()
    await HistoryWriter.open(file)
    const first = line(epoch(1, 10))
    const whole = first + line(validation(1, 10))
    for (let length = first.length; length <= whole.length; length++) {
      writeFileSync(file, whole.slice(0, length))
      // A line that lacks its end alone has lost nothing.
      expect(await readHistory(file)).toHaveLength(length >= whole.length - 1 ? 2 : 1)
    }
  })

  test('names the line that is not an event, and what is wrong with it', async () => {
    const file = fresh()
    await HistoryWriter.open(file)
    for (const [bad, message] of [
      ['{"type":"epo\n', 'it is not JSON'],
      ['\n', 'it is not JSON'],
      ['7\n', 'expected Object'],
      [line({ ...epoch(2, 20), type: 'pause' }), 'type is "pause"'],
      [line({ ...epoch(2, 20), loss: 'low' }), 'loss is "low"'],
      [line({ ...epoch(2, 20), step: -1 }), 'step is -1'],
      [line({ ...validation(2, 20), best: undefined }), 'best is undefined'],
    ] as const) {
      writeFileSync(file, line(epoch(1, 10)) + bad + line(epoch(3, 30)))
      const error = await readHistory(file).catch((error) => error)
      expect(error).toBeInstanceOf(FormatError)
      expect(error.message).toContain(`${file}, line 2: `)
      expect(error.message).toContain(message)
    }
  })

  test('goes on after a torn line without spoiling the next', async () => {
    const file = fresh()
    await (await HistoryWriter.open(file)).write(epoch(1, 10))
    appendFileSync(file, '{"type":"ep')
    const writer = await HistoryWriter.open(file, { bytes: 1000 })
    await writer.write(epoch(2, 20))
    expect((await readHistory(file)).map(({ epoch }) => epoch)).toEqual([1, 2])
    expect(writer.bytes).toBe(readFileSync(file).length)
  })

  test('a file that is not there, and one that is a folder', async () => {
    await expect(readHistory(path.join(folder, 'none', 'history.jsonl'))).rejects.toThrow(DataError)
    await expect(readHistory(folder)).rejects.toThrow(/cannot be read/)
  })
})

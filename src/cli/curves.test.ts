import { describe, expect, test } from 'vitest'
import { curvesOf } from '../run/curves.js'
import { summaryOf } from '../run/summary.js'
import type { EpochEvent, StepEvent, ValidationEvent } from '../train/training-events.js'
import { chart } from './chart.js'
import { summaryTable } from './summary-table.js'

const running = { epochs: 99, lr: 0.5, gradNorm: 2, tokensPerSecond: 100 }
const step = (step: number, loss: number, seconds = step): StepEvent & { seconds: number } => {
  return { type: 'step', epoch: 1, step, batch: step, loss, ...running, seconds }
}
const epoch = (epoch: number, step: number, loss: number, rest = {}): EpochEvent => {
  return { type: 'epoch', epoch, step, loss, perplexity: Math.exp(loss), ...running, ...rest }
}
const validation = (step: number, loss: number): ValidationEvent => {
  return { type: 'validation', epoch: 1, step, loss, perplexity: Math.exp(loss), best: true }
}
const epochs = (count: number) => Array.from({ length: count }, (_, i) => epoch(i + 1, 10 * (i + 1), 10 - i))
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

describe('curves', () => {
  test('of many epochs by the epochs, of few by the steps', () => {
    const steps = upTo(30).map((i) => step(i, i))
    const [many] = curvesOf({ name: 'a', events: [...steps, ...epochs(10)] }, { x: 'step', y: 'loss' })
    expect(many).toEqual({ run: 'a', kind: 'training', x: upTo(10).map((i) => 10 * i), y: upTo(10).reverse() })
    const [few] = curvesOf({ name: 'a', events: [...steps, ...epochs(9)] }, { x: 'step', y: 'loss' })
    expect(few).toMatchObject({ x: upTo(30), y: upTo(30) })
    const [none] = curvesOf({ name: 'a', events: epochs(2) }, { x: 'step', y: 'loss' })
    expect(none.x).toEqual([10, 20])
  })

  test('each series, and validation where it has one', () => {
    const run = { name: 'a', events: [epoch(1, 10, 2, { lr: 0.25 }), validation(10, 3)] }
    const y = (name: Parameters<typeof curvesOf>[1]['y']) =>
      curvesOf(run, { x: 'step', y: name }).map((curve) => [curve.kind, ...curve.y])
    expect(y('loss')).toEqual([
      ['training', 2],
      ['validation', 3],
    ])
    expect(y('perplexity')).toEqual([
      ['training', Math.exp(2)],
      ['validation', Math.exp(3)],
    ])
    expect(y('lr')).toEqual([['training', 0.25]])
    expect(y('grad_norm')).toEqual([['training', 2]])
    expect(y('tokens_per_second')).toEqual([['training', 100]])
  })

  test('epochs with a fraction, before, between and after their ends', () => {
    const events = [
      step(5, 1),
      epoch(1, 10, 1),
      validation(15, 1),
      validation(16, 1),
      epoch(2, 30, 1),
      validation(40, 1),
    ]
    const [training, other] = curvesOf({ name: 'a', events }, { x: 'epoch', y: 'loss' })
    expect(training.x).toEqual([1, 2])
    expect(other.x).toEqual([1.25, 1.3, 2.5])
    expect(() => curvesOf({ name: 'a', events: [step(5, 1)] }, { x: 'epoch', y: 'loss' })).toThrow(
      /^a: no epoch has ended/,
    )
  })

  test('time in minutes', () => {
    const [{ x }] = curvesOf({ name: 'a', events: [step(1, 1, 30), step(2, 1, 90)] }, { x: 'time', y: 'loss' })
    expect(x).toEqual([0.5, 1.5])
  })

  test('smoothing is the mean of the last points, and leaves validation alone', () => {
    const events = [...[8, 2, 5, 11].map((loss, i) => step(i + 1, loss)), validation(1, 4), validation(2, 8)]
    const [training, other] = curvesOf({ name: 'a', events }, { x: 'step', y: 'loss', smooth: 3 })
    expect(training.y).toEqual([8, (8 + 2) / 2, (8 + 2 + 5) / 3, (2 + 5 + 11) / 3])
    expect(other.y).toEqual([4, 8])
    expect(() => curvesOf({ name: 'a', events }, { x: 'step', y: 'loss', smooth: 0.5 })).toThrow(/smooth is 0.5/)
  })

  test('what cannot be drawn is left out', () => {
    const events = [step(1, 1000), step(2, 0), step(3, 1)]
    const y = (name: 'loss' | 'perplexity', log: boolean) =>
      curvesOf({ name: 'a', events }, { x: 'step', y: name, log }).map((curve) => curve.x)
    expect(y('perplexity', false)).toEqual([[2, 3]])
    expect(y('loss', true)).toEqual([[1, 3]])
    expect(curvesOf({ name: 'a', events: [validation(1, 0)] }, { x: 'step', y: 'loss', log: true })).toEqual([])
  })

  test('where there is no perplexity, none is drawn or told', () => {
    const run = { name: 'a', events: [...epochs(2), validation(3, 0.5)], perplexity: false }
    expect(curvesOf(run, { x: 'step', y: 'perplexity' })).toEqual([])
    expect(summaryOf(run).validation).toEqual({ loss: 0.5, step: 3 })
    expect(summaryOf({ ...run, perplexity: undefined }).validation?.perplexity).toBeCloseTo(Math.sqrt(Math.E), 12)
  })

  test('very many points are thinned, the last stays', () => {
    const [{ x }] = curvesOf({ name: 'a', events: upTo(10_001).map((i) => step(i, 1)) }, { x: 'step', y: 'loss' })
    expect(x.length).toBeLessThanOrEqual(2000)
    expect(x.length).toBeGreaterThan(1000)
    expect(x.at(-1)).toBe(10_001)
  })
})

describe('a chart of letters', () => {
  const curve = (run: string, x: number[], y: number[]) => ({ run, kind: 'training' as const, x, y })

  test('one axis for all; a run that ended earlier ends earlier', async () => {
    const long = curve('long', upTo(41), upTo(41))
    const short = curve('short', upTo(21), upTo(21))
    const drawn = (await chart([long, short], { colored: false })).split('\n')
    const [first, second] = [drawn.indexOf('long, training'), drawn.indexOf('short, training')]
    const labels = (lines: string[]) => lines.map((line) => line.slice(0, 11))
    const [a, b] = [drawn.slice(first + 1, second), drawn.slice(second + 1)]
    expect(labels(a)).toEqual(labels(b))
    expect(a[0]).toContain('41.00')
    expect(a.at(-1)).toContain('1.00')
    const ends = (lines: string[]) => Math.max(...lines.map((line) => line.trimEnd().length))
    expect(ends(b) - 12).toBeLessThan(0.6 * (ends(a) - 12))
  })

  test('colours tell curves apart in one chart', async () => {
    const drawn = await chart([curve('a', [1, 2], [1, 2]), curve('b', [1, 2], [2, 1])], { colored: true })
    expect(drawn.match(/── [ab], training/g)).toHaveLength(2)
    expect(drawn.split('\n')).toHaveLength(13)
  })

  test('a logarithmic scale has even factors', async () => {
    const drawn = await chart([curve('a', [0, 1, 2, 3, 4], [1, 10, 100, 1000, 10_000])], { log: true, colored: false })
    const labels = drawn.split('\n').map((line) => Number.parseFloat(line))
    for (let i = 1; i < labels.length; i++) expect(labels[i - 1] / labels[i]).toBeCloseTo(labels[0] / labels[1], 0)
  })

  test('one point, and a level line', async () => {
    expect(await chart([curve('a', [7], [3])], { colored: false })).toContain('3.00')
    expect(await chart([curve('a', [1, 2], [0.001, 0.001])], { colored: false })).toContain('1.00e-3')
  })

  test.each([
    [[5.8e55], '5.80e+55'],
    [[1e300, 1e300], '1.00e+300'],
    [[1, 1 + Number.EPSILON], '1.00'],
    [[Number.MIN_VALUE, Number.MAX_VALUE], '1.80e+308'],
    [[0, Number.MIN_VALUE], '4.94e-324'],
  ])('as large, small and near each other as numbers can be: %j', async (y, label) => {
    const x = y.map((_, i) => i)
    for (const colored of [false, true]) {
      const drawn = (await chart([curve('a', x, y), curve('b', x, y)], { colored })).split('\n')
      expect(drawn.length).toBeLessThan(20)
      expect(drawn.join('\n')).toContain(label)
    }
  })

  test.each([40, 80, 200])('a terminal of %i columns: no line is wider, and none ends in spaces', async (width) => {
    const x = Array.from({ length: 500 }, (_, i) => i)
    const curves = [curve('a', x, x), curve('b', x.slice(0, 20), x.slice(0, 20))]
    const lines = (await chart(curves, { colored: false, width })).split('\n')
    const widest = Math.max(...lines.map((line) => line.length))
    expect(widest).toBeLessThan(width)
    // As wide as there is room for, up to 60 points.
    expect(widest).toBeGreaterThan(Math.min(width, 14 + 60) - 4)
    for (const line of lines) expect(line).toBe(line.trimEnd())
  })
})

describe('summaries', () => {
  test('the best validation, the last epoch, the median speed', () => {
    const events = [
      epoch(1, 10, 3, { tokensPerSecond: 50 }),
      validation(10, 2.5),
      epoch(2, 20, 2, { tokensPerSecond: 400 }),
      validation(20, 2.25),
      epoch(3, 30, 1, { tokensPerSecond: 100 }),
      validation(30, 2.75),
    ]
    expect(summaryOf({ name: 'a', events })).toEqual({
      run: 'a',
      epochs: 3,
      steps: 30,
      trainingLoss: 1,
      validation: { loss: 2.25, perplexity: Math.exp(2.25), step: 20 },
      tokensPerSecond: 100,
    })
  })

  test('a training that was killed early has what it has', () => {
    const nothing = { epochs: 0, validation: null, run: 'a' }
    expect(summaryOf({ name: 'a', events: [step(1, 3), step(2, 2)] })).toEqual({
      ...nothing,
      steps: 2,
      trainingLoss: 2,
      tokensPerSecond: 100,
    })
    const text = summaryTable([
      summaryOf({ name: 'a', events: [] }),
      summaryOf({ name: 'longer', events: [step(1, 3)] }),
    ])
    const lines = text.split('\n')
    expect(new Set(lines.map((line) => line.length)).size).toBe(1)
    expect(lines[1]).toMatch(/^a {6}/)
  })
})

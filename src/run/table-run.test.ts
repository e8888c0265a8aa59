import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { play } from '../../test/play.js'
import { DataError, DivergenceError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { readLabels } from '../data/labels/read-labels.js'
import { readSeries } from '../data/series/load-series.js'
import { decodeLabelFiles, labelModelOf } from '../formats/labels-config.js'
import { decodeSeriesFiles, seriesModelOf } from '../formats/series-config.js'
import { selectKernels } from '../kernels/index.js'
import type { Module } from '../nn/module.js'
import { labelTraining } from '../train/train-labels.js'
import { seriesTraining } from '../train/train-series.js'
import { labelKind } from './label-kind.js'
import { MemoryStore } from './memory-store.js'
import { runForecaster } from './run-model.js'
import { type RunOptions, runDefaults } from './run-options.js'
import { seriesKind } from './series-kind.js'
import { BEST, CHECKPOINT } from './store.js'
import {
  labelSource,
  resumeLabelRun,
  resumeSeriesRun,
  runKindIn,
  seriesSource,
  startLabelRun,
  startSeriesRun,
} from './table-runs.js'

beforeAll(() => {
  selectKernels('wasm', { threads: 1 })
})

// The weekly pattern changes after the training part, so that the held-out loss rises after a while.
const days = Array.from({ length: 120 }, (_, i) => `${(i % 7) + (i > 100 ? 3 * ((i * 5) % 4) : 0)},${(i * 3) % 5}`)
const series = ['y,wind', ...days].join('\n')
const windows = { target: 'y', features: ['wind'], window: 7, horizon: 2, validation: 0.2, calendar: [] }

const words = ['good', 'bad', 'fine', 'dull', 'new', 'old']
const texts = Array.from({ length: 60 }, (_, i) => {
  const [a, b] = [words[i % 6], words[(i * i + 3) % 6]]
  return `${a} ${b} ${i % 4 ? 'story' : 'plot'},${(i + (i % 11 === 0 ? 1 : 0)) % 2 ? 'con' : 'pro'}`
})
const labels = ['review,stars', ...texts].join('\n')
const columns = { textColumn: 'review', labelColumn: 'stars', tokens: 'word', validation: 0.25 } as const

const small: Partial<RunOptions> = { hiddenSize: 5, batchSize: 8, epochs: 4, checkpointSteps: 5 }
/** Both kinds, each begun and resumed on its table. */
const kinds = {
  series: {
    begin: (store: MemoryStore, given: Partial<RunOptions> = {}, setup = {}) =>
      startSeriesRun(
        store,
        seriesSource(series, 'y.csv', windows),
        { ...small, numLayers: 2, dropout: 0.2, ...given },
        setup,
      ),
    resume: (store: MemoryStore, given: Partial<RunOptions> = {}, text = series) =>
      resumeSeriesRun(store, (place) => seriesSource(text, place), given),
    async parameters({ files }: MemoryStore) {
      const made = await decodeSeriesFiles(Object.fromEntries(files) as never, 'x')
      return { config: made.config, values: Object.values(made.model.stateDict()).map(({ data }) => [...data]) }
    },
    changed: series.replace('1,3', '1,4'),
  },
  labels: {
    begin: (store: MemoryStore, given: Partial<RunOptions> = {}, setup = {}) =>
      startLabelRun(
        store,
        labelSource(labels, 'r.csv', columns),
        { ...small, embeddingSize: 4, outputDropout: 0.2, bidirectional: true, ...given },
        setup,
      ),
    resume: (store: MemoryStore, given: Partial<RunOptions> = {}, text = labels) =>
      resumeLabelRun(store, (place) => labelSource(text, place), given),
    async parameters({ files }: MemoryStore) {
      const made = await decodeLabelFiles(Object.fromEntries(files) as never, 'x')
      return { config: made.config, values: Object.values(made.model.stateDict()).map(({ data }) => [...data]) }
    },
    changed: labels.replace('good', 'dull'),
  },
}

test('the forecaster of a run on series is the best so far, and then the saved one with its intervals', async () => {
  const store = new MemoryStore('place')
  await expect(runForecaster(store)).rejects.toThrow('place: there is no model here')
  const run = await kinds.series.begin(store, { lr: 0.2, schedule: 'constant', epochs: 5 })
  const valuesOf = ({ model }: { model: Module }) => Object.values(model.stateDict()).map(({ data }) => [...data])
  let best: number[][] = []
  await play(run, (event) => {
    if (event.type === 'validation' && event.best) best = valuesOf(run)
    return event.type === 'epoch' && event.epoch === 4
  })
  await run.close()
  const unfinished = await runForecaster(store)
  expect(valuesOf(unfinished)).toEqual(best)
  expect([unfinished.spec.targets, unfinished.intervals]).toEqual([['y'], undefined])
  await play(await kinds.series.resume(store))
  const saved = await runForecaster(store)
  expect(saved.intervals?.widths.length).toBeGreaterThan(0)
  const { values } = await kinds.series.parameters(store)
  expect(valuesOf(saved)).toEqual(values)
  const labels = new MemoryStore('reviews')
  await play(await kinds.labels.begin(labels), (event) => event.type === 'epoch')
  await expect(runForecaster(labels)).rejects.toThrow(/^reviews\/(best|checkpoint).safetensors: the file is not /)
})

describe.each(['series', 'labels'] as const)('a run on %s', (name) => {
  const { begin, resume, parameters, changed } = kinds[name]

  test('that is cut off after any event goes on to the same bits', async () => {
    const whole = new MemoryStore()
    // A rate this high makes the held-out loss rise again, so that the best model is not the last.
    const options = { lr: 0.1, optimizer: 'rmsprop', momentum: 0.5, schedule: 'step', decayEvery: 7 } as const
    const all = await play(await begin(whole, options))
    expect(all.at(-1)).toMatchObject({ type: 'done', saved: true, ended: 'epochs', epochs: 4 })
    const expected = await parameters(whole)
    await fc.assert(
      fc.asyncProperty(fc.nat(all.length - 3), async (stop) => {
        const store = new MemoryStore()
        let seen = 0
        await play(await begin(store, options), () => seen++ === stop)
        expect(await runKindIn(store)).toBe(name)
        const run = await resume(store)
        const rest = await play(run)
        expect(rest.filter(({ type }) => type === 'warning')).toEqual([])
        expect((await parameters(store)).values).toEqual(expected.values)
      }),
      { numRuns: 5 },
    )
  })

  test('keeps the model with the lowest held-out loss, and ends when it does not fall any more', async () => {
    const store = new MemoryStore()
    const seen: { loss: number; values: number[][] }[] = []
    const run = await begin(store, { lr: 0.2, schedule: 'constant', epochs: 40, patience: 2 })
    const events = await play(run, (event) => {
      if (event.type === 'validation') {
        const values = Object.values(run.model.stateDict()).map(({ data }) => [...data])
        seen.push({ loss: event.loss, values })
      }
      return false
    })
    expect(events.at(-1)).toMatchObject({ ended: 'patience', saved: true })
    expect(seen.length).toBeLessThan(40)
    const losses = seen.map(({ loss }) => loss)
    const best = losses.indexOf(Math.min(...losses))
    expect(best).toBe(seen.length - 3)
    const { config, values } = await parameters(store)
    expect(values).toEqual(seen[best].values)
    expect(config.training).toMatchObject({ validationLoss: losses[best], patience: 2, lr: 0.2 })
    expect(store.files.has(BEST)).toBe(false)
  })

  test('begins with a saved model, and takes another rate when it is resumed', async () => {
    const store = new MemoryStore()
    const first = await begin(store)
    await play(first)
    const next = new MemoryStore()
    const model = { ...(first.data as never as object), model: first.model } as never
    const run = await begin(next, { numLayers: undefined, epochs: 1, lr: 0, ...{ dropout: undefined } }, { model })
    const before = Object.values(first.model.stateDict()).map(({ data }) => [...data])
    expect(Object.values(run.model.stateDict()).map(({ data }) => [...data])).toEqual(before)
    await run.close()
    await expect(begin(new MemoryStore(), { hiddenSize: 9 }, { model })).rejects.toThrow(
      /hiddenSize is 9, expected the saved model's 5; leave it out with initFrom/,
    )
    await expect(resume(store, { lr: 0.5 })).rejects.toThrow(/the training in memory has finished, after epoch 4/)
    const more = await resume(store, { epochs: 5, lr: 0.5 })
    expect(more.notes).toEqual(expect.arrayContaining(['with epochs 5, was 4', 'with lr 0.5, was 0.01']))
    expect((await play(more)).at(-1)).toMatchObject({ type: 'done', epochs: 5 })
  })

  test('that is left or stopped right after a step that made parameters infinite keeps none of them', async () => {
    const store = new MemoryStore()
    const wild = { lr: 1e39, schedule: 'constant', warmup: 0, checkpointSteps: 1 } as const
    await play(await begin(store, wild), ({ type }) => type === 'step')
    const abort = new AbortController()
    const seen: string[] = []
    const run = await begin(new MemoryStore(), wild, { signal: abort.signal })
    const playing = play(run, ({ type }) => {
      seen.push(type)
      abort.abort()
      return false
    })
    await expect(playing).rejects.toThrow(DivergenceError)
    expect(seen).toEqual(['step', 'trained', 'broken'])
    expect((await play(await resume(store, { lr: 0.01 }))).at(-1)).toMatchObject({ type: 'done', saved: true })
  })

  test('cannot go on for fewer epochs than it has done, or than its warm-up takes, and says so', async () => {
    const store = new MemoryStore()
    let epochs = 0
    await play(await begin(store, { epochs: 1000 }), ({ type }) => type === 'epoch' && ++epochs === 3)
    await expect(resume(store, { epochs: 1 })).rejects.toThrow(/: epochs is 1, expected at least 3 .*: 3 are done$/)
    const expected = /: the training has \d+ steps with epochs 4, expected more than the \d+ of its warmup$/
    await expect(resume(store, { epochs: 4 })).rejects.toThrow(expected)
    expect((await play(await resume(store, { epochs: 60 }), ({ type }) => type === 'epoch')).at(-1)).toMatchObject({
      epoch: 4,
    })
  })

  test('warns of a schedule without effect only if it was asked for', async () => {
    const short = { epochs: 1, batchSize: 99 }
    const asked = await begin(new MemoryStore(), { ...short, schedule: 'cosine' })
    expect(asked.warnings).toEqual([expect.stringMatching(/^schedule cosine has no effect/)])
    const unasked = await begin(new MemoryStore(), short)
    expect(unasked.warnings).toEqual([])
    await asked.close()
    await unasked.close()
  })

  test('refuses other rows, another kind, and options that it does not have', async () => {
    const store = new MemoryStore()
    await play(await begin(store), (event) => event.type === 'epoch')
    await expect(resume(store, {}, changed)).rejects.toThrow(
      /the rows differ from those that the training in memory began with; restore that file/,
    )
    await expect(begin(store)).rejects.toThrow(/memory: a training there is not finished/)
    const other = name === 'series' ? kinds.labels : kinds.series
    await expect(other.resume(store)).rejects.toThrow(/the file is not the checkpoint of a training on/)
    await expect(begin(new MemoryStore(), { numSteps: 3 })).rejects.toThrow(/numSteps has no effect on a training on/)
    await expect(resume(store, { hiddenSize: 7 })).rejects.toThrow(/hiddenSize cannot be changed/)
    await expect(begin(new MemoryStore(), { hiddenSize: 1e8 })).rejects.toThrow(/GB of memory/)
    const bytes = store.files.get(CHECKPOINT)!
    bytes[bytes.length - 5] ^= 1
    await expect(resume(store)).rejects.toThrow(/the checkpoint is damaged/)
    await expect(resume(new MemoryStore())).rejects.toThrow(DataError)
  })
})

test('a run on series that begins with a saved model and reads its table in another way still does when it is resumed', async () => {
  const first = new MemoryStore()
  await play(await kinds.series.begin(first))
  const model = await runForecaster(first)
  const store = new MemoryStore()
  const text = series.replace('1,3', '1,')
  const source = seriesSource(text, 'y.csv', { validation: 0.4, test: 10, gaps: 'interpolate' })
  const run = await startSeriesRun(store, source, { epochs: 3, batchSize: 8 }, { model })
  expect(run.data.parts).toEqual([{ validation: 62, test: 110 }])
  await play(run, ({ type }) => type === 'epoch')
  const resumed = await kinds.series.resume(store, {}, text)
  expect(resumed.data.parts).toEqual(run.data.parts)
  await play(resumed)
  const { spec } = await runForecaster(store)
  expect([spec.validation, spec.test, spec.read.gaps]).toEqual([0.4, 10, 'interpolate'])
})

test('a model whose held-out loss is worth nothing is not kept, also if the last batch was easy', async () => {
  const rows = Array.from({ length: 22 }, (_, row) => `a text of ${'ab '.repeat(row % 5)},l${row % 2}`)
  const source = labelSource(['text,label', ...rows].join('\n'), 'l.csv', {
    textColumn: 'text',
    labelColumn: 'label',
    validation: 0.1,
  })
  const store = new MemoryStore()
  const wild = { hiddenSize: 4, batchSize: 2, epochs: 1, lr: 1000, clip: 1 } as const
  await expect(play(await startLabelRun(store, source, wild))).rejects.toThrow(
    /exploded: the held-out loss was .* not saved/,
  )
  expect(await store.names()).not.toContain('model.safetensors')
})

describe('with default options, a run computes what the library alone does', () => {
  test('on series', async () => {
    const store = new MemoryStore()
    const run = await startSeriesRun(store, seriesSource(series, 'y.csv', windows))
    const losses = (await play(run)).flatMap((event) => (event.type === 'epoch' ? [event.loss] : []))
    const generator = new Generator(0)
    const data = await readSeries(series, 'y.csv', { ...windows, batchSize: 32, generator } as never)
    const config = seriesKind.newConfig({ ...runDefaults, ...seriesKind.defaults } as RunOptions, data)
    const expected: number[] = []
    for await (const event of seriesTraining(seriesModelOf(config, generator), data).run()) {
      if (event.type === 'epoch') expected.push(event.loss)
    }
    expect(losses).toEqual(expected)
  })

  test('on labelled texts', async () => {
    const run = await startLabelRun(new MemoryStore(), labelSource(labels, 'r.csv', columns))
    const losses = (await play(run)).flatMap((event) => (event.type === 'epoch' ? [event.loss] : []))
    const generator = new Generator(0)
    const data = await readLabels(labels, 'r.csv', { ...columns, batchSize: 32, generator })
    const config = labelKind.newConfig({ ...runDefaults, ...labelKind.defaults } as RunOptions, data)
    const expected: number[] = []
    for await (const event of labelTraining(labelModelOf(config, generator), data).run()) {
      if (event.type === 'epoch') expected.push(event.loss)
    }
    expect(losses).toEqual(expected)
  })
})

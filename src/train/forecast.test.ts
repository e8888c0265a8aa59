import { describe, expect, test } from 'vitest'
import { Generator } from '../core/random.js'
import { readSeries } from '../data/series/load-series.js'
import type { SeriesData } from '../data/series/series-data.js'
import { GRU } from '../nn/gru.js'
import { SeriesModel } from '../nn/series-model.js'
import { noGrad } from '../tensor/autograd.js'
import { evaluateSeries } from './evaluate-series.js'
import { forecast, forecastFrom } from './forecast.js'
import { forecastCsv } from './forecast-csv.js'
import { forecasting } from './forecasting.js'
import { seriesTraining, trainSeries } from './train-series.js'

const day = (i: number) => new Date(Date.UTC(2024, 0, 1) + i * 86_400_000).toISOString().slice(0, 10)

/** Two columns: a week's pattern on a slope, and what comes one day before it. */
const csv = (count: number, value = (i: number) => 10 + 3 * (i % 7) + 0.05 * i) =>
  ['date,y,ahead', ...Array.from({ length: count }, (_, i) => `${day(i)},${value(i)},${value(i + 1)}`)].join('\n')

function modelOf(data: SeriesData, seed = 0) {
  const generator = new Generator(seed)
  const rnn = new GRU({ inputSize: data.inputSize, hiddenSize: 6, generator })
  return new SeriesModel(rnn, data.sizes, { generator })
}

const options = { target: 'y', features: ['ahead'], window: 7, horizon: 3, batchSize: 8 }

describe('a SeriesModel', () => {
  test('computes its formula', async () => {
    const data = await readSeries(csv(60), 'x', { ...options, calendar: ['weekday'] })
    const model = modelOf(data)
    // Effects are zero at first, which would hide a mistake.
    const generator = new Generator(3)
    await model.effects[0].weight.copy_(Float32Array.from({ length: 7 }, () => generator.normal()))
    const { x, positions } = data.batch([
      { series: 0, at: 20 },
      { series: 0, at: 31 },
    ])
    const made = (await noGrad(() => model.forward(x, positions)).toArray()) as number[][][]
    const [values, weekdays] = [(await x.toArray()) as number[][][], (await positions[0].toArray()) as number[][]]
    const effect = (await model.effects[0].weight.toArray()) as number[][]
    const read = (await model.positions[0].weight.toArray()) as number[][]
    const weights = Object.fromEntries(
      await Promise.all(model.namedParameters().map(async ([name, value]) => [name, await value.toArray()])),
    ) as Record<string, number[][] & number[]>
    const times = (w: number[][], v: number[], b: number[]) =>
      w.map((row, i) => row.reduce((sum, one, j) => sum + one * v[j], b[i]))
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v))
    for (const row of [0, 1]) {
      const rest = [0, 1, 2, 3, 4, 5, 6].map((step) => values[step][row][0] - effect[weekdays[step][row]][0])
      const level = rest.reduce((sum, one) => sum + one) / 7
      let h = new Array<number>(6).fill(0)
      for (let step = 0; step < 10; step++) {
        const input = [step < 7 ? rest[step] - level : 0, ...values[step][row].slice(1), ...read[weekdays[step][row]]]
        const a = times(weights['rnn.weight_ih_l0'], input, weights['rnn.bias_ih_l0'])
        const b = times(weights['rnn.weight_hh_l0'], h, weights['rnn.bias_hh_l0'])
        h = h.map((old, i) => {
          const [r, z] = [sigmoid(a[i] + b[i]), sigmoid(a[6 + i] + b[6 + i])]
          return (1 - z) * Math.tanh(a[12 + i] + r * b[12 + i]) + z * old
        })
        if (step < 7) continue
        const [out] = times(weights['linear.weight'], h, weights['linear.bias'])
        expect(made[step - 7][row][0]).toBeCloseTo(out + level + effect[weekdays[step][row]][0], 4)
      }
    }
  })

  test('refuses a layer that does not fit', async () => {
    const data = await readSeries(csv(60), 'x', options)
    const rnn = new GRU({ inputSize: 3, hiddenSize: 4 })
    expect(() => new SeriesModel(rnn, data.sizes)).toThrow(/^SeriesModel: the layer has inputSize = 3, expected 11/)
  })
})

describe('training and forecasting', () => {
  test('learns a pattern on a slope better than any baseline, and a forecast goes on after the end', async () => {
    const data = await readSeries(csv(300), 'x', { ...options, validation: 40, test: 21 })
    const forecaster = await trainSeries(modelOf(data), data, { epochs: 12 })
    const { targets, origins } = await evaluateSeries(forecaster, data)
    expect(origins).toBe(7)
    const { 'the model': own, ...others } = targets[0].errors
    for (const { mae } of Object.values(others)) expect(own.mae).toBeLessThan(mae)
    const values = await forecast(forecaster, data, { steps: 5 })
    expect(values.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5])
    expect(values[0].time).toBe(Date.UTC(2024, 0, 301))
    for (const { forecast, low, high } of values) {
      expect(low).toBeLessThan(forecast)
      expect(high).toBeGreaterThan(forecast)
    }
  })

  test('sees nothing of what it predicts', async () => {
    const [a, b] = await Promise.all(
      [1, 1e5].map((factor) =>
        readSeries(
          csv(100, (i) => (i < 80 ? i % 7 : factor * i)),
          'x',
          { ...options, validation: 0, test: 22 },
        ),
      ),
    )
    const model = modelOf(a)
    const at = [{ series: 0, at: 78 }]
    expect(await forecastFrom(model, b, at, 8)).toEqual(await forecastFrom(model, a, at, 8))
    const later = [{ series: 0, at: 85 }]
    expect(await forecastFrom(model, b, later, 8)).not.toEqual(await forecastFrom(model, a, later, 8))
  })

  test('reads its own forecasts beyond the horizon', async () => {
    const one = { target: 'y', window: 7, horizon: 1, validation: 0 }
    const data = await readSeries(csv(60), 'x', one)
    const model = modelOf(data)
    const [first, second, third] = await forecast({ model, spec: data.spec }, data, { steps: 3 })
    const { mean, deviation } = data.scalesOf(0)[0]
    const longer = { ...data.table.series[0], length: 62 }
    const y = Float64Array.of(...data.table.series[0].columns[0], first.forecast, second.forecast)
    const table = { ...data.table, series: [{ ...longer, columns: [y] }] }
    const { SeriesData } = await import('../data/series/series-data.js')
    const [again] = await forecast({ model, spec: data.spec }, new SeriesData(table, {}, data.spec))
    expect((again.forecast - mean) / deviation).toBeCloseTo((third.forecast - mean) / deviation, 4)
  })

  test('is stopped by a signal, and refuses more steps than anybody needs', async () => {
    const data = await readSeries(csv(40), 'x', options)
    const forecaster = { model: modelOf(data), spec: data.spec }
    const abort = new AbortController()
    // A timer is heard only if the event loop has its turns.
    setTimeout(() => abort.abort(), 100)
    await expect(forecast(forecaster, data, { steps: 10_000, signal: abort.signal })).rejects.toThrow(/abort/)
    await expect(forecast(forecaster, data, { steps: 10_001 })).rejects.toThrow(
      'forecast: steps is 10001, expected a whole number from 1 to 10000',
    )
  })

  test('predicts several columns of several series', async () => {
    const rows = Array.from({ length: 60 }, (_, i) =>
      ['a', 'b'].map((shop, k) => `${day(i)},${shop},${i % 7},${(k + 1) * (i % 5)}`),
    )
    const text = ['date,shop,y,z', ...rows.flat()].join('\n')
    const data = await readSeries(text, 'x', { target: ['y', 'z'], window: 7, horizon: 3, seriesColumn: 'shop' })
    const forecaster = await trainSeries(modelOf(data), data, { epochs: 1 })
    const values = await forecast(forecaster, data, { steps: 4 })
    expect(values.map(({ series, target }) => series + target).filter((_, i) => i % 4 === 0)).toEqual([
      'ay',
      'az',
      'by',
      'bz',
    ])
    expect(values.every(({ forecast }) => Number.isFinite(forecast))).toBe(true)
  })

  test('MASE divides each error by the scale of its own series', async () => {
    const y = (shop: number, i: number) => (shop === 1 ? 1000 : 1) * ((i * i) % (11 + shop))
    const rows = Array.from({ length: 60 }, (_, i) => ['a', 'b'].map((shop, k) => `${day(i)},${shop},${y(k, i)}`))
    const split = { target: 'y', window: 7, horizon: 3, seriesColumn: 'shop', validation: 0, test: 12 }
    const data = await readSeries(['date,shop,y', ...rows.flat()].join('\n'), 'x', split)
    const { targets } = await evaluateSeries(await trainSeries(modelOf(data), data, { epochs: 1 }), data)
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    const scaled = [0, 1].flatMap((shop) => {
      const before = Array.from({ length: 41 }, (_, i) => Math.abs(y(shop, i + 7) - y(shop, i)))
      const after = Array.from({ length: 12 }, (_, i) =>
        Math.abs(y(shop, 48 + i) - y(shop, 47 + 3 * Math.floor(i / 3))),
      )
      return after.map((error) => error / mean(before))
    })
    expect(targets[0].errors.naive.mase).toBeCloseTo(mean(scaled), 10)
  })

  test('is not measured by interpolated values', async () => {
    const y = (i: number) => (i * i) % 11
    const without = (...places: number[]) =>
      csv(60, y).replace(/^(\S+),\d+,/gm, (row, date) => {
        return places.some((i) => date === day(i)) ? `${date},NA,` : row
      })
    const read = (text: string) => readSeries(text, 'x', { ...split, gaps: 'interpolate' })
    const split = { target: 'y', window: 7, horizon: 3, validation: 20, test: 12, batchSize: 8 }
    const missing = [49, 52, 56]
    const held = Array.from({ length: 11 }, (_, i) => 29 + i)
    const data = await read(without(...held, ...missing))
    const forecaster = await trainSeries(modelOf(data), data, { epochs: 1 })
    // Nine residuals of the next value have a rank for 90 %, and none for more.
    expect(forecaster.intervals!.widths[0][0]).toHaveLength(90)
    const { targets } = await evaluateSeries(forecaster, data)
    const errors = Array.from({ length: 12 }, (_, i) => 48 + i)
      .filter((at) => !missing.includes(at))
      .map((at) => {
        const last = 47 + 3 * Math.floor((at - 48) / 3)
        return Math.abs(y(at) - (last === 56 ? (y(55) + y(57)) / 2 : y(last)))
      })
    expect(targets[0].interpolated).toBe(3)
    expect(targets[0].errors.naive.mae).toBeCloseTo(errors.reduce((sum, error) => sum + error) / 9, 10)
    const none = await read(without(...Array.from({ length: 12 }, (_, i) => 48 + i)))
    expect([none.hasTruth('test'), none.hasTruth('validation'), data.hasTruth('test')]).toEqual([false, true, true])
    await expect(evaluateSeries(forecaster, none)).rejects.toThrow('x: no value of y in the test part is known')
  })

  test('is measured from as many origins as a long series has', async () => {
    // Of many short series, because a baseline is fitted to the longer part of a long one again and again.
    const [count, length, test] = [6200, 27, 21]
    const rows = Array.from({ length: count * length }, (_, i) => `${Math.floor(i / length)},${(i % length) % 3}`)
    const text = ['shop,y', ...rows].join('\n')
    const data = await readSeries(text, 'x', { target: 'y', seriesColumn: 'shop', window: 2, validation: 0, test })
    const { origins, targets } = await evaluateSeries({ model: modelOf(data), spec: data.spec }, data)
    expect(origins).toBe(count * test)
    expect(targets[0].errors.naive.mae).toBeCloseTo(4 / 3, 4)
  })

  test('is written with nine digits of what changes, and with the true values as they are', async () => {
    const meter = (i: number) => 123_456_789_012 + (i % 7)
    const data = await readSeries(csv(60, meter), 'x', { ...options, features: [] })
    const forecaster = await trainSeries(modelOf(data), data, { epochs: 1 })
    const values = await forecast(forecaster, data)
    const rows = values.map((value, i) => ({ ...value, truth: meter(60 + i) }))
    const [, ...lines] = (await forecastCsv(data.spec, rows)).trim().split('\n')
    for (const [i, line] of lines.entries()) {
      const [, , , written, , , truth] = line.split(',')
      expect(Math.abs(Number(written) - values[i].forecast)).toBeLessThan(1e-4)
      expect(truth).toBe(String(meter(60 + i)))
    }
  })

  test('has a gradient for each parameter, and validates on the validation part alone', async () => {
    const data = await readSeries(csv(100), 'x', { ...options, validation: 10 })
    const model = modelOf(data)
    forecasting.loss(model, data.batches().next().value!, undefined, data).loss.backward()
    const without = model.namedParameters().filter(([, { grad }]) => !grad?.data.some((value) => value !== 0))
    expect(without.map(([name]) => name)).toEqual([])
    const loss = await forecasting.validate(model, data, data, undefined)
    const origins = [90, 91, 92, 93, 94, 95, 96, 97].map((at) => ({ series: 0, at }))
    const made = await forecastFrom(model, data, origins, 3)
    const errors = origins.flatMap((origin, i) =>
      [0, 1, 2].map((step) => Math.abs(made[i][step] - data.value(origin, 0, origin.at + step))),
    )
    expect(loss).toBeCloseTo(errors.reduce((sum, error) => sum + error) / errors.length, 5)
  })

  test('goes on from a snapshot to the same bits', async () => {
    const make = async (seed: number) => {
      const data = await readSeries(csv(100), 'x', { ...options, generator: new Generator(seed) })
      return seriesTraining(modelOf(data, seed), data, { epochs: 3 })
    }
    const whole = await make(1)
    for await (const _ of whole.run());
    const half = await make(1)
    for await (const event of half.run()) if (event.step === 14) break
    const again = await make(7)
    again.restore(half.snapshot())
    for await (const _ of again.run());
    const values = ({ model }: typeof whole) => Object.values(model.stateDict()).map(({ data }) => [...data])
    expect(values(again)).toEqual(values(whole))
  })
})

test('intervals of held-out residuals cover what they promise', async () => {
  const generator = new Generator(5)
  const noise = Array.from({ length: 1500 }, () => generator.normal())
  const data = await readSeries(
    csv(1500, (i) => noise[i % 1500] + (i % 7)),
    'x',
    {
      ...{ target: 'y', window: 7, horizon: 3, validation: 400, test: 600, batchSize: 64 },
    },
  )
  const forecaster = await trainSeries(modelOf(data), data, { epochs: 2 })
  for (const level of [0.5, 0.9]) {
    const { targets } = await evaluateSeries(forecaster, data, { level })
    expect(Math.abs(targets[0].coverage! - level)).toBeLessThan(0.06)
  }
})

test('series that were read in another way than those of the model are refused', async () => {
  const data = await readSeries(csv(60), 'x', options)
  const [model, { spec }] = [modelOf(data), data]
  const undated = await readSeries(csv(60).replace('date', 'when'), 'x', options)
  for (const other of [undated, await readSeries(csv(60), 'x', { ...options, horizon: 2 })]) {
    await expect(forecast({ model, spec }, other)).rejects.toThrow(
      /^forecast: x: (calendar|horizon) is .*, expected the model's, /,
    )
    await expect(evaluateSeries({ model, spec }, other)).rejects.toThrow(/^evaluateSeries: x: (calendar|horizon) is /)
  }
})

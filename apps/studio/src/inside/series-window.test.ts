import { forecast, fromData, Generator, GRU, readSeries, referenceKernels, SeriesModel, useKernels } from 'unrolled'
import { expect, test } from 'vitest'
import { answers } from './answers'
import { followedSeries, inputOf, originOf } from './series-window'

// Double precision, so that finite differences tell something.
useKernels(referenceKernels('float64'))

const day = (i: number) => new Date(Date.UTC(2024, 0, 1) + i * 86_400_000).toISOString().slice(0, 10)
const rows = Array.from({ length: 60 }, (_, i) => `${day(i)},${10 + 3 * (i % 7)},${i % 5}`)
const data = await readSeries(`date,sales,wind\n${rows.join('\n')}\n`, 'sales.csv', {
  ...{ target: ['sales', 'wind'], window: 9, horizon: 3, calendar: ['weekday'] },
})
const generator = new Generator(3)
const rnn = new GRU({ inputSize: data.inputSize, hiddenSize: 6, numLayers: 2, generator })
const model = new SeriesModel(rnn, data.sizes, { generator })
const loaded = { model, data }
const shown = (known?: number, target = 1) =>
  answers.window(loaded, { series: 0, known, target, layer: 1, signal: 'h' }, async () => {})

test('a model of series looked into forecasts what the library does, from the end of the file and from before it', async () => {
  const { steps, known, least, most, targets } = await shown()
  expect([known, least, most, targets]).toEqual([60, 9, 60, ['sales', 'wind']])
  expect(steps.map(({ x }) => new Date(x).toISOString().slice(0, 10))).toEqual(
    Array.from({ length: 12 }, (_, i) => day(51 + i)),
  )
  expect(steps.map(({ truth }) => truth)).toEqual([1, 2, 3, 4, 0, 1, 2, 3, 4, undefined, undefined, undefined])
  const forecasts = async (of: typeof data) =>
    (await forecast({ model, spec: data.spec }, of)).flatMap(({ target, forecast }) =>
      target === 'wind' ? [expect.closeTo(forecast, 5)] : [],
    )
  expect(steps.flatMap(({ forecast }) => forecast ?? [])).toEqual(await forecasts(data))
  const earlier = (await shown(40)).steps
  expect(earlier.flatMap(({ forecast }) => forecast ?? [])).toEqual(await forecasts(data.withoutLast(20)))
  // What the model does not know, the file has.
  expect(earlier.slice(9).map(({ truth }) => truth)).toEqual([0, 1, 2])
  expect((await shown(2)).known).toBe(9)
})

test('its units are those of the layer, from the step at which each is farthest from its mean', async () => {
  const { rows, values, layers } = await shown()
  expect(layers).toEqual({ kind: 'gru', hiddenSize: 6, numLayers: 2 })
  const states = rnn.forward(inputOf(loaded, originOf(loaded, { series: 0, known: undefined }))).output.data
  const all = Array.from({ length: 6 }, (_, unit) => states.filter((_, at) => at % 6 === unit))
  rows.forEach(({ unit, step }, row) => {
    const own = [...all[unit]]
    expect([...values.subarray(row * 12, row * 12 + 12)]).toEqual(own.map((value) => expect.closeTo(value, 5)))
    const mean = own.reduce((sum, value) => sum + value, 0) / 12
    const far = own.map((value) => Math.abs(value - mean))
    expect(far[step]).toBe(Math.max(...far))
  })
  expect(rows.map(({ step }) => step)).toEqual(rows.map(({ step }) => step).sort((a, b) => a - b))
})

test('of a long window the end is shown, and of a long horizon the beginning, with the states of just these steps', async () => {
  const values = Array.from({ length: 700 }, (_, i) => i % 9)
  for (const [window, horizon, first, from] of [
    [300, 5, 65, 465],
    [200, 300, 80, 580],
  ]) {
    const long = await readSeries(`y\n${values.join('\n')}\n`, 'y.csv', { target: 'y', window, horizon })
    const layer = new GRU({ inputSize: long.inputSize, hiddenSize: 2, generator })
    const looked = { model: new SeriesModel(layer, long.sizes, { generator }), data: long }
    const question = { series: 0, known: undefined, target: 0, layer: 0, signal: 'h' }
    const { steps, rows, values: shown } = await answers.window(looked, question, async () => {})
    expect([steps.length, steps[0].x]).toEqual([240, from + 1])
    expect(steps.findIndex(({ forecast }) => forecast !== undefined)).toBe(window - first)
    const input = inputOf(looked, originOf(looked, question))
    const { data } = layer.forward(input).output
    expect(shown[0]).toBeCloseTo(data[2 * first + rows[0].unit], 5)
  }
})

test('gradient norms back from the last forecast agree with finite differences', async () => {
  const asked = { series: 0, known: 30 }
  const { own, rnn: other } = await answers.gradients(loaded, asked, async () => {})
  expect([own.length, other.length]).toEqual([12, 12])
  const { inputs } = followedSeries(loaded, asked)
  const last = (from: number, state: ReturnType<typeof rnn.beginState>) => {
    let output = state
    let now = state
    for (const input of inputs.slice(from)) ({ output, state: now } = rnn.forward(input, now))
    return model.linear.forward(output.reshape(1, -1)).mean().data[0]
  }
  let state = rnn.beginState(1)
  for (const [step, input] of inputs.entries()) {
    const { data: values } = state
    let squares = 0
    for (let i = 0; i < values.length; i++) {
      const moved = (by: number) => {
        const next = values.slice()
        next[i] += by
        return last(step, fromData(next, state.shape))
      }
      squares += ((moved(1e-5) - moved(-1e-5)) / 2e-5) ** 2
    }
    expect(own[11 - step]).toBeCloseTo(Math.sqrt(squares), 6)
    state = rnn.forward(input, state).state
  }
})

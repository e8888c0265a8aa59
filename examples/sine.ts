// Exercise 3: the autoregressive model of the section on sequences, with an RNN. A noisy sine is predicted
// 1, 4, 16 and 64 steps ahead; beyond the first step, the model reads its own predictions.
//   npm run example examples/sine.ts [EPOCHS]     plots to runs/sine.svg
import { mkdir, writeFile } from 'node:fs/promises'
import { forecastFrom, Generator, linePlot, manualSeed, RNN, readSeries, SeriesModel, trainSeries } from 'unrolled'

manualSeed(0)
const noise = new Generator(0)
const epochs = Number(process.argv[2] ?? 40)
const [length, training] = [1000, 600]
const x = Float32Array.from({ length }, (_, t) => Math.sin(0.01 * (t + 1)) + 0.2 * noise.normal())

const options = { target: 'x', window: 32, horizon: 1, validation: 0, test: length - training, batchSize: 16 }
const series = await readSeries(['x', ...x].join('\n'), 'sine', { ...options, generator: noise })
const model = new SeriesModel(new RNN({ inputSize: series.inputSize, hiddenSize: 8 }), series.sizes)
await trainSeries(model, series, {
  epochs,
  report: (event) => {
    if (event.type !== 'epoch' || event.epoch % Math.ceil(epochs / 6) !== 0) return
    console.log(`epoch ${event.epoch}: mean absolute error ${event.loss.toFixed(4)} standard deviations`)
  },
})

// From each step on, 64 values; the k-th of them is the prediction k steps ahead.
const origins = Array.from({ length: length - options.window }, (_, i) => ({ series: 0, at: i + options.window }))
const made = await forecastFrom(model, series, origins, 64)
const { mean, deviation } = series.scalesOf(0)[0]

const lines = [{ name: 'series', x: x.map((_, t) => t + 1), y: x, dots: true }]
for (const k of [1, 4, 16, 64]) {
  const within = origins
    .map(({ at }, i) => ({ t: at + k - 1, value: made[i][k - 1] * deviation + mean }))
    .filter(({ t }) => t < length)
  const error = (truth: (time: number) => number) => {
    const squares = within.filter(({ t }) => t >= training).map(({ t, value }) => (value - truth(t)) ** 2)
    return squares.reduce((sum, square) => sum + square) / squares.length
  }
  const [toSeries, toSine] = [error((t) => x[t]), error((t) => Math.sin(0.01 * (t + 1)))]
  console.log(
    `${k} ahead, after the training part: mean squared error ${toSeries.toFixed(4)} to the series (noise alone: 0.04), ${toSine.toFixed(4)} to the sine`,
  )
  lines.push({
    name: `${k} ahead`,
    x: Float32Array.from(within, ({ t }) => t + 1),
    y: Float32Array.from(within, ({ value }) => value),
    dots: false,
  })
}

await mkdir('runs', { recursive: true })
await writeFile(
  'runs/sine.svg',
  await linePlot({ title: `Noisy sine, trained on the first ${training}`, xLabel: 't', yLabel: 'x', series: lines }),
)
console.log('plotted to runs/sine.svg')

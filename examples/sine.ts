// Exercise 3: the autoregressive model of the section on sequences, with an RNN. A noisy sine is predicted
// 1, 4, 16 and 64 steps ahead; beyond the first step, the model reads its own predictions.
//   npm run example examples/sine.ts [EPOCHS]     plots to runs/sine.svg

// %% sine-data
import {
  Adam,
  clipGradNorm,
  fromData,
  Generator,
  Linear,
  Module,
  manualSeed,
  mseLoss,
  noGrad,
  RNN,
  type Tensor,
} from 'unrolled'
import { show } from './show.js'

manualSeed(0)
const noise = new Generator(0)
const [length, training, window, batchSize] = [1000, 600, 32, 16]
const x = Float32Array.from({ length }, (_, t) => Math.sin(0.01 * (t + 1)) + 0.2 * noise.normal())

// %% sine-model
/** Reads a window of the series, and predicts the value after each of its steps. */
class Forecaster extends Module {
  readonly rnn = new RNN({ inputSize: 1, hiddenSize: 8 })
  readonly linear = new Linear({ inFeatures: 8, outFeatures: 1 })

  forward(series: Tensor): Tensor {
    return this.linear.forward(this.rnn.forward(series).output)
  }
}

/** Windows that begin at `starts`, side by side: [window, starts, 1]. */
function windows(values: Float32Array, starts: number[]): Tensor {
  const data = new Float32Array(window * starts.length)
  for (let step = 0; step < window; step++) {
    for (const [row, start] of starts.entries()) data[step * starts.length + row] = values[start + step]
  }
  return fromData(data, [window, starts.length, 1])
}

// %% sine-train
const epochs = Number(process.argv[2] ?? 40)
// %%= const epochs = 40
const model = new Forecaster()
const optimizer = new Adam(model.parameters(), { lr: 0.01 })
const starts = Array.from({ length: training - window }, (_, i) => i)
for (let epoch = 1; epoch <= epochs; epoch++) {
  let [sum, count] = [0, 0]
  noise.shuffle(starts)
  for (let from = 0; from + batchSize <= starts.length; from += batchSize) {
    const batch = starts.slice(from, from + batchSize)
    const target = windows(x.subarray(1), batch)
    const loss = mseLoss(model.forward(windows(x, batch)), target)
    optimizer.zeroGrad()
    loss.backward()
    clipGradNorm(optimizer.parameters, 1)
    optimizer.step()
    sum += await loss.item()
    count++
  }
  if (epoch % Math.ceil(epochs / 6) === 0) console.log(`epoch ${epoch}: mean squared error ${(sum / count).toFixed(4)}`)
}

// %% sine-ahead
/** Predictions of x[t] for t from `window + k` on, made from the values known k steps earlier. */
function ahead(k: number): { t: number[]; values: number[] } {
  const t = Array.from({ length: length - window - k + 1 }, (_, i) => i + window + k - 1)
  const series = t.map((time) => Array.from(x.subarray(time - k + 1 - window, time - k + 1)))
  for (let step = 0; step < k; step++) {
    const flat = Float32Array.from(series.flatMap((row) => row.slice(-window)))
    const starts = series.map((_, row) => row * window)
    const next = noGrad(() => model.forward(windows(flat, starts)).select(0, -1))
    series.forEach((row, i) => {
      row.push(next.data[i])
    })
  }
  return { t, values: series.map((row) => row[row.length - 1]) }
}

// %% sine-curve
const series = [{ name: 'series', x: x.map((_, t) => t + 1), y: x, dots: true as boolean }]
for (const k of [1, 4, 16, 64]) {
  const { t, values } = ahead(k)
  const error = (from: number, truth: (time: number) => number) => {
    const squares = t.flatMap((time, i) => (time >= from ? [(values[i] - truth(time)) ** 2] : []))
    return squares.reduce((sum, square) => sum + square) / squares.length
  }
  const [series_, sine] = [error(training, (time) => x[time]), error(training, (time) => Math.sin(0.01 * (time + 1)))]
  console.log(
    `${k} ahead, after the training part: mean squared error ${series_.toFixed(4)} to the series (noise alone: 0.04), ${sine.toFixed(4)} to the sine`,
  )
  series.push({
    name: `${k} ahead`,
    x: Float32Array.from(t, (time) => time + 1),
    y: Float32Array.from(values),
    dots: false,
  })
}

await show({ title: `Noisy sine, trained on the first ${training}`, xLabel: 't', yLabel: 'x', series })

// The highest temperature of each day in Seattle, 7 days ahead; the last 146 days are the test. The calendar, the number of epochs
// and the size were chosen on the year before, which also gives the width of the intervals.
//   npm run example examples/weather.ts
import { readFile } from 'node:fs/promises'
import { evaluateSeries, Generator, GRU, readSeries, SeriesModel, selectKernels, trainSeries } from 'unrolled'

// A layer this small gains nothing from more threads.
selectKernels('wasm', { threads: 1 })
const file = 'node_modules/vega-datasets/data/seattle-weather.csv'
const generator = new Generator(0)
const series = await readSeries(await readFile(file, 'utf8'), 'seattle-weather.csv', {
  target: 'temp_max',
  features: ['wind', 'precipitation'],
  horizon: 7,
  calendar: ['month'],
  validation: 365,
  test: 146,
  generator,
})
const rnn = new GRU({ inputSize: series.inputSize, hiddenSize: 16, generator })
const model = new SeriesModel(rnn, series.sizes, { generator })
const forecaster = await trainSeries(model, series, { epochs: 6 })

const { targets, origins, steps } = await evaluateSeries(forecaster, series, { stride: 1 })
const { errors, coverage = 0 } = targets[0]
console.log(`${origins} forecasts of ${steps} days:`)
for (const [name, { mae, rmse, smape, mase }] of Object.entries(errors)) {
  const measures = `MAE ${mae.toFixed(3)}, RMSE ${rmse.toFixed(3)}, sMAPE ${smape.toFixed(2)} %, MASE ${mase?.toFixed(3)}`
  console.log(`  ${name.padEnd(22)} ${measures}`)
}
console.log(`intervals of 90 % cover ${(100 * coverage).toFixed(1)} %`)

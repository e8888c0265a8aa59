import path from 'node:path'
import { OptionError } from '../config.js'
import {
  type ForecastRow,
  forecast,
  forecastCsv,
  linePlot,
  loadForecaster,
  loadSeriesFor,
  type SeriesData,
} from '../node.js'
import { moveTo } from './device.js'
import { print, printJson } from './output.js'
import type { ForecastFlags } from './series-flags.js'
import { writeOut, writePicture } from './write-out.js'

/** Most pictures that one forecast draws. */
const MOST_PICTURES = 20

/** The work of `forecast`. */
export async function makeForecast(
  folder: string,
  file: string,
  { steps, level, holdOut, out, plot, gaps, device, json }: ForecastFlags,
  signal: AbortSignal,
): Promise<void> {
  if (!Number.isSafeInteger(holdOut) || holdOut < 0) {
    throw new OptionError(`forecast: --hold-out is ${holdOut}, expected a whole number of 0 or more`)
  }
  const forecaster = await loadForecaster(folder)
  await moveTo('forecast', device, forecaster.model)
  const whole = await loadSeriesFor(forecaster, file, { validation: 0, test: 0, gaps }, { signal })
  const known = holdOut === 0 ? whole : whole.withoutLast(holdOut)
  const values = await forecast(forecaster, known, { steps, level, signal })
  const rows = values.map((value) => ({ ...value, truth: truthOf(whole, known, value) }))
  // Everything is made before the first file is written.
  const pictures = await picturesOf(whole, known, rows, level, plot)
  await writeOut(out, await forecastCsv(known.spec, rows, known.table.delimiter))
  for (const [name, svg] of pictures) await writePicture(name, svg)
  const bare = values.filter(({ low }) => low === undefined).length
  if (json) {
    const shown = rows.map(({ time: _, date, ...row }) => ({ time: date, ...row }))
    printJson({ model: folder, file, level, values: shown, out, plots: pictures.map(([name]) => name) })
    return
  }
  const [first] = rows
  const steady = values.length === 1 ? 'value' : 'values'
  print(
    `${values.length} ${steady} of ${known.spec.targets.join(', ')} after the end of ${file}${holdOut > 0 ? `, without its last ${holdOut}` : ''}`,
  )
  if (bare > 0) {
    print(
      `${bare} of them have no interval: the part that was held out in the training is too short for these steps at level ${level}; a training with a larger --validation makes more`,
    )
  }
  const measured = rows.filter(({ truth }) => truth !== undefined)
  if (measured.length > 0) {
    const mae = measured.reduce((sum, { truth, forecast }) => sum + Math.abs(truth! - forecast), 0) / measured.length
    print(`mean absolute error ${Number(mae.toPrecision(5))}`)
  }
  print(
    `the first is ${Number(first.forecast.toPrecision(6))}; written to ${out}, drawn to ${pictures.map(([name]) => name).join(', ')}`,
  )
}

/** The value of the file that a forecast is of, if it has one. */
function truthOf(whole: SeriesData, known: SeriesData, { series, target, step }: ForecastRow): number | undefined {
  const at = whole.table.series.findIndex(({ name }) => name === series)
  const [{ columns, filled }, column] = [whole.table.series[at], whole.spec.targets.indexOf(target)]
  const place = known.table.series[at].length + step - 1
  return filled[column].has(place) ? undefined : columns[column][place]
}

/** The name of the picture of a series and a target: one that no other has, even where small letters are capitals. */
function pictureName(file: string, parts: readonly string[], taken: readonly string[]): string {
  const { dir, name, ext } = path.parse(file)
  const words = parts
    .filter(Boolean)
    .join('-')
    .replace(/[^\p{L}\p{N}_.-]+/gu, '_')
  const numbered = (number: number) => `${name}-${words.slice(0, 80)}${number > 1 ? `-${number}` : ''}${ext}`
  const isTaken = (one: string) => taken.some((other) => other.toLowerCase() === path.join(dir, one).toLowerCase())
  let number = 1
  while (isTaken(numbered(number))) number++
  return path.join(dir, numbered(number))
}

/** For each series and target, the last known values, the forecast and its interval. */
async function picturesOf(
  whole: SeriesData,
  known: SeriesData,
  rows: readonly ForecastRow[],
  level: number,
  file: string,
): Promise<[string, string][]> {
  // The rows of one series and target follow one another.
  const groups: ForecastRow[][] = []
  for (const row of rows) {
    const last = groups.at(-1)
    if (last && last[0].series === row.series && last[0].target === row.target) last.push(row)
    else groups.push([row])
  }
  const pictures: [string, string][] = []
  for (const group of groups.slice(0, MOST_PICTURES)) {
    const [{ series, target }] = group
    const at = whole.table.series.findIndex(({ name }) => name === series)
    const values = whole.table.series[at].columns[whole.spec.targets.indexOf(target)]
    const end = known.table.series[at].length
    const from = Math.max(0, end - Math.max(known.spec.window, 3 * group.length))
    const shown = Array.from({ length: Math.min(values.length, end + group.length) - from }, (_, i) => from + i)
    const place = (index: number) => whole.clockOf(at, index) ?? index
    const x = group.map(({ step }) => place(end + step - 1))
    const sure = group.filter(({ low }) => low !== undefined)
    const name = [series, target].filter((part) => part !== '').join(', ')
    const taken = pictures.map(([picture]) => picture)
    pictures.push([
      groups.length === 1 ? file : pictureName(file, [series, target], taken),
      await linePlot({
        title: `${name}: ${group.length} ${group.length === 1 ? 'step' : 'steps'} ahead`,
        note: sure.length > 0 ? `shaded: ${Math.round(100 * level)} % interval` : '',
        xLabel: '',
        yLabel: target,
        xScale: known.spec.step ? 'time' : 'linear',
        bands:
          sure.length > 0
            ? [
                {
                  x: sure.map(({ step }) => place(end + step - 1)),
                  low: sure.map(({ low }) => low!),
                  high: sure.map(({ high }) => high!),
                },
              ]
            : [],
        series: [
          { name: 'truth', x: shown.map(place), y: shown.map((index) => values[index]) },
          { name: 'forecast', x, y: group.map(({ forecast }) => forecast), dots: group.length === 1 },
        ],
      }),
    ])
  }
  return pictures
}

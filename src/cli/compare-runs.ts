import { DataError, type XName, xLabels, type YName, yLabels } from '../config.js'
import { type Curve, curvesOf, linePlot, type PlottedRun, summaryOf } from '../node.js'
import { chart } from './chart.js'
import { colorsOf } from './colors.js'
import { print, printJson } from './output.js'
import { readRun } from './read-run.js'
import { runFolders } from './run-folders.js'
import { summaryTable } from './summary-table.js'
import { writePicture } from './write-out.js'

export interface ComparisonOptions {
  out: string
  y: YName
  x: XName
  smooth: number
  log?: boolean
  json?: boolean
}

/** The work of `plot`: draws the runs' curves, shows them in the terminal, and prints their best values. */
export async function compareRuns(folders: readonly string[], options: ComparisonOptions): Promise<void> {
  const { out, x, y, log, json } = options
  const read: PlottedRun[] = []
  for (const folder of await runFolders(folders)) read.push(await readRun(folder))
  // A training that has just begun, such as a trial of a sweep, has nothing to show yet.
  const runs = read.filter(({ events }) => events.length > 0)
  if (runs.length === 0) {
    throw new DataError(`${read[0].name}: its history is empty, expected one of a training that has told something`)
  }
  const curves = runs.flatMap((run) => curvesOf(run, options))
  if (curves.length === 0) {
    throw new DataError(`plot: no run has a value of ${y} that can be drawn${log ? ' on a logarithmic scale' : ''}`)
  }
  const svg = await comparisonSVG(curves, runs, options)
  await writePicture(out, svg)
  const summaries = runs.map(summaryOf)
  if (json) {
    printJson({ runs: summaries, plot: out })
    return
  }
  const colored = colorsOf(process.stdout).isColorSupported
  console.log(`${yLabels[y]} over ${xLabels[x]}${log ? ', on a logarithmic scale' : ''}`)
  console.log(await chart(named(curves, runs), { log, colored }))
  print(`\n${summaryTable(summaries)}\n\nwritten to ${out}`)
}

function comparisonSVG(
  curves: readonly Curve[],
  runs: readonly PlottedRun[],
  { x, y, log }: ComparisonOptions,
): Promise<string> {
  const both = new Set(curves.map(({ kind }) => kind)).size > 1
  return linePlot({
    title: runs.length > 1 ? capital(yLabels[y]) : `${capital(yLabels[y])} of ${runs[0].name}`,
    note: both && runs.length > 1 ? 'solid: training, dashed: validation' : undefined,
    xLabel: xLabels[x],
    yLabel: yLabels[y],
    yScale: log ? 'log' : 'linear',
    series: curves.map(({ run, kind, x, y }) => {
      return { name: runs.length > 1 ? run : kind, x, y, dashed: kind === 'validation' }
    }),
  })
}

/** A single run needs no name. */
const named = (curves: readonly Curve[], runs: readonly PlottedRun[]): readonly Curve[] =>
  runs.length > 1 ? curves : curves.map((curve) => ({ ...curve, run: '' }))

const capital = (text: string): string => text[0].toUpperCase() + text.slice(1)

import path from 'node:path'
import {
  evaluateSeries,
  FolderStore,
  type LoadSeriesOptions,
  loadSeries,
  loadSeriesFor,
  OptionError,
  resumeSeriesRun,
  type SeriesRun,
  selectDevice,
  selectKernels,
  startSeriesRun,
} from '../node.js'
import { freshFolder } from './begin.js'
import { interruptible } from './interrupt.js'
import { print, printJson } from './output.js'
import type { SeriesFlags } from './series-flags.js'
import { printSeriesTable } from './series-table.js'
import { outliveOutput } from './streams.js'
import { grouped } from './table.js'
import { flagOf, type TrainingOptions } from './training-flags.js'

type Options = TrainingOptions & SeriesFlags

/** The work of `train --target`: trains on series of numbers, saves the model, and compares it with simple methods. */
export function trainOnSeries(files: string[], options: Options, said: readonly string[]): Promise<void> {
  outliveOutput()
  return interruptible(async (signal) => {
    const { kernels, threads, device: wanted } = options
    if (said.includes('kernels') || said.includes('threads')) selectKernels(kernels ?? 'auto', { threads })
    const device = wanted === 'cpu' || wanted === undefined ? undefined : await selectDevice(wanted, 'train')
    const { checkpointMinutes, checkpointSteps } = options
    const setup = { signal, device, checkpointMinutes, checkpointSteps }
    const run = await (options.resume === undefined
      ? begin(files, options, said, setup)
      : goOn(files, options, said, setup))
    try {
      await follow(run, options.json === true)
    } finally {
      await run.close()
    }
  })
}

type Setup = Parameters<typeof startSeriesRun>[4]

function begin(files: string[], options: Options, said: readonly string[], setup: Setup): Promise<SeriesRun> {
  if (files.length !== 1) {
    throw new OptionError(`train: ${files.length} files are given with --target, expected one CSV file`)
  }
  const [file] = files
  const given = <T extends object>(names: readonly (keyof T)[]): Partial<T> =>
    Object.fromEntries(
      names.filter((name) => said.includes(name as string)).map((name) => [name, options[name as keyof Options]]),
    ) as Partial<T>
  const load = given<LoadSeriesOptions>([
    ...(['features', 'dateColumn', 'seriesColumn', 'gaps', 'window', 'horizon', 'calendar', 'season'] as const),
    ...(['validation', 'test'] as const),
  ])
  const run = given<NonNullable<Parameters<typeof startSeriesRun>[3]>>([
    ...(['cell', 'nonlinearity', 'hiddenSize', 'numLayers', 'dropout', 'layerNorm', 'batchSize'] as const),
    ...(['epochs', 'lr', 'weightDecay', 'clip', 'seed'] as const),
  ])
  const store = new FolderStore(options.out ?? freshFolder(path.parse(file).name))
  return startSeriesRun(
    store,
    file,
    (made) => loadSeries(file, { target: options.target!, ...load, ...made }),
    run,
    setup,
  )
}

const resumable = ['resume', 'kernels', 'threads', 'device', 'json', 'checkpointMinutes', 'checkpointSteps']

function goOn(files: string[], { resume }: Options, said: readonly string[], setup: Setup): Promise<SeriesRun> {
  const other = said.find((name) => !resumable.includes(name))
  if (other !== undefined) {
    throw new OptionError(`train: ${flagOf(other)} cannot change when a training of series is resumed; leave it out`)
  }
  const read: Parameters<typeof resumeSeriesRun>[1] = (file, spec, made) =>
    loadSeriesFor({ spec }, files[0] ?? file, made)
  return resumeSeriesRun(new FolderStore(resume!), read, setup)
}

async function follow(run: SeriesRun, json: boolean): Promise<void> {
  const say = (line: string) => (json ? console.error(line) : print(line))
  const { data, model, training, store } = run
  const { spec, table, parts } = data
  const length = table.series.reduce((sum, { length }) => sum + length, 0)
  const many = table.series.length > 1 ? `${table.series.length} series, ` : ''
  const first = parts[0]
  const held = `${first.validation} to train on, ${first.test - first.validation} to validate on, ${table.series[0].length - first.test} for a test`
  say(`${table.name}: ${many}${grouped(length)} values${many ? '' : `: ${held}`}`)
  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0)
  say(
    `model: ${spec.columns.join(', ')} of ${spec.window} steps → ${spec.targets.join(', ')} of ${spec.horizon}, calendar ${spec.calendar.join(', ') || 'none'}, ${grouped(parameters)} parameters`,
  )
  if (training.step > 0) say(`continuing after step ${training.step}`)
  const start = performance.now()
  let loss = Number.NaN
  for await (const event of run.events()) {
    if (json && event.type !== 'step') printJson(event)
    if (event.type === 'epoch') loss = event.loss
    const { epochs } = run.record.options
    const tenth = event.type !== 'step' && event.epoch % Math.ceil(epochs / 10) === 0
    if (event.type === 'epoch' && parts.every(({ validation, test }) => validation === test) && tenth) {
      say(`epoch ${event.epoch} of ${epochs}: loss ${loss.toFixed(4)}`)
    } else if (event.type === 'validation' && tenth) {
      say(`epoch ${event.epoch} of ${epochs}: loss ${loss.toFixed(4)}, held-out ${event.loss.toFixed(4)}`)
    }
  }
  const seconds = (performance.now() - start) / 1000
  if (!run.forecaster) {
    say(`stopped after step ${training.step}; unrolled train --resume ${store.name} goes on from there`)
    return
  }
  const part = data.origins('test').length > 0 ? 'test' : 'validation'
  const evaluation = data.origins(part).length > 0 ? await evaluateSeries(run.forecaster, data, { part }) : undefined
  if (json) {
    printJson({ type: 'done', steps: training.step, loss, seconds, model: store.name, evaluation })
    return
  }
  if (evaluation) printSeriesTable(evaluation, 0.9)
  print(`saved to ${store.name} after ${seconds.toFixed(1)} s`)
}

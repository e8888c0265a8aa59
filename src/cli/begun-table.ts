import { OptionError } from '../config.js'
import type { BaseRun, FolderStore, LoadSeriesOptions, Module, ReadLabelsOptions, SeriesData } from '../node.js'
import {
  evaluateLabels,
  evaluateSeries,
  labelFile,
  loadForecaster,
  loadLabeller,
  resumeLabelRun,
  resumeSeriesRun,
  seriesFile,
  startLabelRun,
  startSeriesRun,
} from '../node.js'
import { columnNames } from './column-names.js'
import { printLabelTable } from './label-table.js'
import { printSeriesTable } from './series-table.js'
import { grouped } from './table.js'
import { runOptionsIn, type TableFlags, type TableName } from './table-flags.js'
import { flagOf } from './training-flags.js'

/** A training on a table that has begun or been resumed, and what the command tells of it. */
export interface BegunTable {
  run: BaseRun<Module>
  batches: { mostBatches: number }
  /** What it is trained on, and the model. */
  lines: string[]
  /** Measures the saved model on what was held out; undefined if nothing was. */
  measure(): Promise<{ evaluation: object; show(): void } | undefined>
}

/** The flags of a training that begins. */
interface Asked {
  options: TableFlags
  said: readonly string[]
}

/** What a training gets besides its options. */
export interface TableSetup {
  signal: AbortSignal
  build: <T>(work: () => T) => T | Promise<T>
}

/** How each kind of training begins, and is resumed. */
export const beginnings: Record<
  TableName,
  {
    start(store: FolderStore, file: string, asked: Asked, setup: TableSetup): Promise<BegunTable>
    resume(store: FolderStore, file: string | undefined, changed: object, setup: TableSetup): Promise<BegunTable>
  }
> = {
  series: {
    async start(store, file, asked, setup) {
      const { initFrom } = asked.options
      const model = initFrom === undefined ? undefined : await loadForecaster(initFrom)
      if (model) refuseOwn(asked, seriesColumns)
      const options = given<LoadSeriesOptions>(asked, [...seriesColumns, 'gaps', 'validation', 'test'])
      for (const name of ['target', 'features'] as const) {
        const text = asked.options[name]
        if (text !== undefined) options[name] = await columnNames(file, text, setup.signal)
      }
      const source = seriesFile(file, options)
      return ofSeries(await startSeriesRun(store, source, runOptions('series', asked), { ...setup, model }))
    },
    resume: async (store, file, changed, setup) =>
      ofSeries(await resumeSeriesRun(store, (place) => seriesFile(file ?? place), changed, setup)),
  },
  labels: {
    async start(store, file, asked, setup) {
      const { initFrom } = asked.options
      const model = initFrom === undefined ? undefined : await loadLabeller(initFrom)
      if (model) refuseOwn(asked, ['tokens', 'clean', 'maxTokens'])
      else if (asked.options.textColumn === undefined || asked.options.labelColumn === undefined) {
        throw new OptionError(
          'train: --text-column and --label-column go together, expected both; name the other one, too',
        )
      }
      const names = ['textColumn', 'labelColumn', 'tokens', 'clean', 'maxTokens', 'validation', 'test'] as const
      const validation = model ? undefined : 0.1
      // Words that occur once are read as <unk>, so that the model learns what words mean that it does not know.
      const minFreq = asked.options.tokens === 'word' ? 2 : 0
      const source = labelFile(file, { minFreq, validation, ...given<ReadLabelsOptions>(asked, names) })
      return ofLabels(await startLabelRun(store, source, runOptions('labels', asked), { ...setup, model }))
    },
    resume: async (store, file, changed, setup) =>
      ofLabels(await resumeLabelRun(store, (place) => labelFile(file ?? place), changed, setup)),
  },
}

const runOptions = (table: TableName, { options, said }: Asked) => runOptionsIn(table, options, said)

const seriesColumns = [
  ...(['target', 'features', 'dateColumn', 'seriesColumn', 'window', 'horizon', 'calendar', 'season'] as const),
] as const

/** Those of some options that are on the command line. */
function given<T extends object>({ options, said }: Asked, names: readonly (keyof T & keyof TableFlags)[]): Partial<T> {
  const found = names.filter((name) => said.includes(name))
  return Object.fromEntries(found.map((name) => [name, options[name]])) as Partial<T>
}

/** @throws OptionError for an option that says what a saved model has of its own */
function refuseOwn({ said }: Asked, names: readonly string[]): void {
  const own = names.find((name) => said.includes(name))
  if (own === undefined) return
  throw new OptionError(`train: ${flagOf(own)} is what the model of --init-from has of its own; leave it out`)
}

const parametersOf = (model: Module) => grouped(model.parameters().reduce((sum, { size }) => sum + size, 0))

function ofSeries(run: Awaited<ReturnType<typeof startSeriesRun>>): BegunTable {
  const { data, model, store } = run
  const { spec, table, parts } = data
  const length = table.series.reduce((sum, { length }) => sum + length, 0)
  const many = table.series.length > 1 ? `${table.series.length} series, ` : ''
  const [first] = parts
  const held = `${first.validation} to train on, ${first.test - first.validation} to validate on, ${table.series[0].length - first.test} for a test`
  return {
    run,
    batches: data,
    lines: [
      `${table.name}: ${many}${grouped(length)} values${many ? '' : `: ${held}`}`,
      ...unmeasured(data),
      `model: ${spec.columns.join(', ')} of ${spec.window} steps → ${spec.targets.join(', ')} of ${spec.horizon}, calendar ${spec.calendar.join(', ') || 'none'}, ${parametersOf(model)} parameters`,
    ],
    async measure() {
      const part = data.origins('test').length > 0 ? 'test' : 'validation'
      if (!data.hasTruth(part)) return undefined
      const evaluation = await evaluateSeries(await loadForecaster(store.name), data, { part })
      return { evaluation, show: () => printSeriesTable(evaluation, 0.9) }
    },
  }
}

/** What a validation part lacks that is held out, but shorter than one forecast. */
function unmeasured(data: SeriesData): string[] {
  const held = data.parts.some(({ validation, test }) => test > validation)
  if (!held || data.origins('validation').length > 0) return []
  return [
    `the validation part is shorter than the horizon of ${data.spec.horizon}: there is no held-out loss, and forecasts have no intervals; a larger --validation has both`,
  ]
}

function ofLabels(run: Awaited<ReturnType<typeof startLabelRun>>): BegunTable {
  const { data, model, store, options } = run
  const { train, validation, test, vocab, spec } = data
  const sizes = [train, validation, test].map((part) => grouped(part?.sequences.length ?? 0))
  const { cell, numLayers, hiddenSize } = options
  const layers = `${numLayers === 1 ? '1 layer' : `${numLayers} layers`} of ${hiddenSize} units`
  return {
    run,
    batches: train,
    lines: [
      `texts of ${spec.read?.textColumn}: ${sizes[0]} to train on, ${sizes[1]} to validate on, ${sizes[2]} for a test`,
      `labels: ${spec.labels.slice(0, 10).join(', ')}${spec.labels.length > 10 ? `, … (${spec.labels.length})` : ''}`,
      `model: ${cell}, ${layers}, ${grouped(vocab.size)} tokens (${vocab.kind}), ${parametersOf(model)} parameters`,
    ],
    async measure() {
      const held = test ?? validation
      if (!held) return undefined
      const part = test ? 'test' : 'validation'
      const { model } = await loadLabeller(store.name)
      const evaluation = { part, labels: spec.labels, ...(await evaluateLabels(model, held)) }
      return { evaluation, show: () => printLabelTable(evaluation) }
    },
  }
}

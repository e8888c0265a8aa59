import { checkArgument, checkString } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { loadSeriesOptions } from '../data/series/load-series.js'
import { decodeForecaster, encodeForecaster, type SeriesFiles } from '../formats/series-config.js'
import type { RunOptions } from '../run/run-options.js'
import type { Forecaster } from '../train/forecast.js'
import type { SeriesReading, SeriesTrainerFacts } from './messages.js'
import { RunTrainer, type RunTrainerSetup, setupOptions } from './run-trainer.js'

const { batchSize: _, generator: __, ...readingOptions } = loadSeriesOptions

/** What a trainer of series begins with. */
export interface SeriesTrainerSetup extends RunTrainerSetup {
  /** A saved model to begin with, whose columns, windows and scales it keeps: `SeriesTrainer.start` trains it further. */
  model?: Forecaster
  /** The name of the table, for people and for the record. Default: that of its file, or 'the table'. */
  tableName?: string
}

/** A run on series of numbers in a worker, which also reads their table; `RunTrainer` says what that is. */
export class SeriesTrainer extends RunTrainer<SeriesTrainerFacts> {
  /**
   * Begins a training. See `startSeriesRun`, whose errors this throws, too.
   * @param name of the run
   * @param table CSV, or the file that has it
   * @param series which series of the table are trained on, as for `readSeries`
   */
  static async start(
    name: string,
    table: string | Blob,
    series: SeriesReading,
    options: Partial<RunOptions> = {},
    setup: SeriesTrainerSetup = {},
  ): Promise<SeriesTrainer> {
    const where = 'SeriesTrainer.start'
    checkString(where, 'name', name)
    const isTable = typeof table === 'string' || table instanceof Blob
    checkArgument(where, 'the table', table, isTable, 'CSV as a text or a file')
    checkOptions(where, series, readingOptions)
    checkOptions(where, setup, { ...setupOptions, model: 'any', tableName: 'any' })
    const { tableName = table instanceof File ? table.name : 'the table', model: saved, signal, worker } = setup
    signal?.throwIfAborted()
    const model = saved && (await encodeForecaster(where, saved))
    const trainer = new SeriesTrainer('SeriesTrainer', worker)
    const told = {
      kind: 'start',
      on: 'series',
      name,
      text: table,
      textName: tableName,
      series,
      options,
      model,
    } as const
    return trainer.begin(told, signal)
  }

  /**
   * Continues a training that was stopped, or whose page was closed, with the table that it saved. See `resumeSeriesRun`,
   * whose errors this throws, too.
   */
  static async resume(
    name: string,
    options: Partial<RunOptions> = {},
    setup: RunTrainerSetup = {},
  ): Promise<SeriesTrainer> {
    const where = 'SeriesTrainer.resume'
    checkString(where, 'name', name)
    checkOptions(where, setup, setupOptions)
    const { signal, worker } = setup
    signal?.throwIfAborted()
    return new SeriesTrainer('SeriesTrainer', worker).begin({ kind: 'resume', on: 'series', name, options }, signal)
  }

  /** A copy of the model as it is now, with its intervals. */
  async forecaster(): Promise<Forecaster> {
    return decodeForecaster(await this.modelFiles(), 'SeriesTrainer.forecaster')
  }

  /** The files of the model as it is now, as `Trainer.modelFiles` gives them of a model of texts: for `decodeForecaster`. */
  async modelFiles(): Promise<SeriesFiles> {
    return (await this.ask({ kind: 'model' })) as SeriesFiles
  }
}

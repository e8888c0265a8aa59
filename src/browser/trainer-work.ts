import { decodeModel, encodeModel } from '../formats/saved-model.js'
import { decodeForecaster, type SeriesFiles } from '../formats/series-config.js'
import { type PredictOptions, predict } from '../generate/generate.js'
import type { Module } from '../nn/module.js'
import type { BaseRun } from '../run/base-run.js'
import { resumeRun } from '../run/resume.js'
import type { Run } from '../run/run.js'
import type { RunOptions } from '../run/run-options.js'
import { textSource } from '../run/run-text.js'
import { seriesKind } from '../run/series-kind.js'
import { startRun } from '../run/start.js'
import type { RunStore } from '../run/store.js'
import { resumeSeriesRun, type SeriesRun, seriesSource, startSeriesRun } from '../run/table-runs.js'
import { samplePrefixes } from '../train/sample-prefixes.js'
import type { Begin, Question, RunFacts, SeriesTrainerFacts, TrainerFacts } from './messages.js'

/** What the worker of a trainer does for one kind of run. */
export interface TrainerWork<R extends BaseRun<Module>, F extends RunFacts> {
  /** The file of a run's store with what it trains on, so that the run can continue without being given it again. */
  readonly file: string
  start(store: RunStore, text: string, told: Begin, signal: AbortSignal): Promise<R>
  resume(store: RunStore, text: string, told: Begin, options: Partial<RunOptions>, signal: AbortSignal): Promise<R>
  /** What only runs of this kind have, and the name of what it trains on. */
  facts(run: R): Omit<F, Exclude<keyof RunFacts, 'source'>>
  answer(run: R, question: Question): Promise<unknown>
}

/** Runs on texts. */
export const textWork: TrainerWork<Run, TrainerFacts> = {
  file: 'text.txt',
  start: async (store, text, { textName, options, model, name }, signal) =>
    startRun(store, textSource(text, textName), options, { signal, model: model && (await decodeModel(model, name)) }),
  resume: (store, text, { textName }, options, signal) =>
    resumeRun(store, ([recorded]) => textSource(text, textName ?? recorded), options, { signal }),
  facts({ text, vocab }) {
    const { corpus, sizes, source, changes } = text
    const prefixes = samplePrefixes(text.train, vocab)
    return { source, changes, prefixes, tokens: corpus.length, sizes, vocabSize: vocab.size }
  },
  answer: async ({ model, vocab }, question) =>
    question.kind === 'model'
      ? encodeModel(model, vocab)
      : predict(question.prefix, question.numPreds, model, vocab, question.options as PredictOptions),
}

/** Runs on series of numbers. */
export const seriesWork: TrainerWork<SeriesRun, SeriesTrainerFacts> = {
  file: 'table.csv',
  start: async (store, text, { textName = '', series, options, model, name }, signal) =>
    startSeriesRun(store, seriesSource(text, textName, series), options, {
      signal,
      model: model && (await decodeForecaster(model as SeriesFiles, name)),
    }),
  resume: (store, text, _, options, signal) =>
    resumeSeriesRun(store, (recorded) => seriesSource(text, recorded), options, { signal }),
  facts({ data }) {
    const { read, window, horizon, calendar, season, validation, test } = data.spec
    const series = { ...read, window, horizon, calendar, season, validation, test }
    return { source: data.table.name, series, batches: data.mostBatches, batchItems: data.batchItems }
  },
  answer: ({ model, data }) => seriesKind.files('SeriesTrainer.forecaster', model, data, {}),
}

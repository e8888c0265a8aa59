import type { SeriesData, SeriesSpec } from '../data/series/series-data.js'
import {
  decodeSeriesFiles,
  encodeForecaster,
  parseSeriesConfig,
  SERIES_FORMAT,
  SERIES_VERSION,
  type SeriesConfig,
  seriesConfigOf,
  seriesModelOf,
  seriesModelWith,
} from '../formats/series-config.js'
import { joined, sha256Of, sourceOf } from '../formats/source.js'
import type { SeriesModel } from '../nn/series-model.js'
import { intervalsOf } from '../train/forecast.js'
import { forecasting } from '../train/forecasting.js'
import { Training } from '../train/training.js'
import { checkpointFormats } from './checkpoint.js'
import type { TableKind } from './table-kind.js'
import { seriesOptionNames, seriesRunDefaults } from './table-options.js'

/** What a saved model of series knows of how to read others. */
export interface KnownSeries {
  spec: SeriesSpec
}

/** A training on series of numbers. */
export const seriesKind: TableKind<SeriesModel, SeriesData, KnownSeries, SeriesConfig> = {
  start: 'startSeriesRun',
  resume: 'resumeSeriesRun',
  what: 'series of numbers',
  format: checkpointFormats.series,
  options: seriesOptionNames,
  defaults: seriesRunDefaults,

  batches: (data) => data,
  validation: (data) => (data.origins('validation').length > 0 ? data.spec.validation : 0),
  sizes: ({ inputSize, spec }) => ({ inputSize, steps: spec.window + spec.horizon, limitedBy: 'window' }),
  fingerprint({ table }) {
    const columns = table.series.flatMap(({ columns }) => columns)
    const bytes = columns.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength))
    return sha256Of(sourceOf(joined(bytes)), 'the series')
  },
  // A held-out part may lie far from the training part, so only a forecast that is off by very much is worth nothing.
  limit: () => ({
    most: 1000,
    unit: 'standard deviations',
    uninformed: 'a model that always forecasts the mean has about 1',
  }),
  training(where, model, data, { validateEvery: every, ...parts }) {
    const validation = data.origins('validation').length > 0 ? { corpus: data, every } : undefined
    return new Training(model, data, { ...parts, objective: forecasting, validation }, where)
  },

  newConfig: ({ cell, nonlinearity, hiddenSize, numLayers, dropout, layerNorm = false }, { spec }) => ({
    ...{
      format: SERIES_FORMAT,
      version: SERIES_VERSION,
      cell,
      nonlinearity: cell === 'rnn' ? nonlinearity : undefined,
    },
    ...{ hiddenSize, numLayers, bias: true, dropout, layerNorm, spec },
  }),
  modelOf: seriesModelOf,
  modelWith: seriesModelWith,
  configOf: (model, { spec }, trained) => seriesConfigOf(model, spec, undefined, trained),
  metadata: () => ({}),
  parse(metadata, where) {
    const config = parseSeriesConfig(metadata.config ?? '', `${where}: config`)
    return { config, known: config }
  },
  async files(where, model, data, training) {
    return encodeForecaster(where, { model, spec: data.spec, intervals: await intervalsOf(model, data), training })
  },
  decode: (files, where) => decodeSeriesFiles(files as Parameters<typeof decodeSeriesFiles>[0], where),
}

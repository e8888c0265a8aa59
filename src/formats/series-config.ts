import { DataError, FormatError } from '../core/errors.js'
import {
  array,
  boolean,
  finite,
  fitting,
  object,
  oneOf,
  optional,
  record,
  string,
  unknownKey,
  whole,
} from '../core/parse.js'
import { Generator } from '../core/random.js'
import { formatShape, sameShape } from '../core/shape.js'
import { calendarNames } from '../data/series/calendar.js'
import type { Intervals } from '../data/series/intervals.js'
import { type Scale, type SeriesSpec, sizesOf } from '../data/series/series-data.js'
import { cellNames, cells } from '../device/cells.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNN } from '../nn/rnn.js'
import { inputSizeOf, SeriesModel } from '../nn/series-model.js'
import { inMemoryOf } from '../tensor/saved-tensors.js'
import { type TrainingRecord, valuesProblem } from './model-config.js'
import { decodeSafetensors, encodeSafetensors, type TensorValues } from './safetensors.js'
import { sha256Of, sourceOf } from './source.js'

/** What config.json says of a model of series. */
export const SERIES_FORMAT = 'unrolled series'
const VERSION = 1

/** The content of config.json of a saved model of series. */
export interface SeriesConfig {
  format: typeof SERIES_FORMAT
  version: typeof VERSION
  cell: (typeof cellNames)[number]
  nonlinearity?: 'tanh' | 'relu'
  hiddenSize: number
  numLayers: number
  bias: boolean
  dropout: number
  layerNorm: boolean
  spec: SeriesSpec
  intervals?: Intervals
  training?: TrainingRecord
  sha256?: Record<string, string>
}

const positive = fitting<number>(
  'a number above 0',
  (value) => typeof value === 'number' && value > 0 && value < Infinity,
)
const share = fitting<number>(
  'a number of 0 or more',
  (value) => typeof value === 'number' && value >= 0 && value < Infinity,
)
const rate = fitting<number>('a number from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1)
const text = fitting<string[]>(
  'Array of strings',
  (value) => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string'),
)
const step = fitting<NonNullable<SeriesSpec['step']>>('{ months } or { milliseconds }, a number above 0', (value) => {
  const entries = Object.entries(Object(value))
  return entries.length === 1 && ['months', 'milliseconds'].includes(entries[0][0]) && Number(entries[0][1]) > 0
})

const specSchema = object<SeriesSpec>(
  {
    targets: text,
    columns: text,
    window: whole(1),
    horizon: whole(1),
    calendar: array(oneOf(...calendarNames)),
    season: whole(1),
    step: optional(step),
    read: object(
      {
        target: text,
        features: array(string),
        dateColumn: optional(string),
        seriesColumn: optional(string),
        gaps: oneOf('refuse', 'interpolate'),
      },
      unknownKey,
    ),
    validation: share,
    test: share,
    scales: record(array(object<Scale>({ mean: finite, deviation: positive }, unknownKey))),
  },
  unknownKey,
)

const configSchema = object<SeriesConfig>(
  {
    format: oneOf(SERIES_FORMAT),
    version: oneOf(VERSION),
    cell: oneOf(...cellNames),
    nonlinearity: optional(oneOf('tanh', 'relu')),
    hiddenSize: whole(1),
    numLayers: whole(1),
    bias: boolean,
    dropout: rate,
    layerNorm: boolean,
    spec: specSchema,
    intervals: optional(object<Intervals>({ widths: array(array(array(share))) }, unknownKey)),
    training: optional(record(fitting('a plain value', (value) => typeof value !== 'object'))),
    sha256: optional(record(string)),
  },
  unknownKey,
)

/** @throws FormatError for anything but the configuration of a model of series */
export function parseSeriesConfig(json: string, where: string): SeriesConfig {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new FormatError(`${where}: the file is not JSON (${(error as Error).message})`)
  }
  if (Object(value).format === 'unrolled') {
    throw new FormatError(
      `${where}: the model is one of texts, expected one of series, as unrolled train --target saves it`,
    )
  }
  const config = configSchema(value, where)
  const { targets, columns, scales } = config.spec
  const fits =
    targets.every((name, i) => columns[i] === name) &&
    Object.values(scales).every((all) => all.length === columns.length)
  if (!fits || Object.keys(scales).length === 0) {
    throw new FormatError(
      `${where}: spec does not fit together, expected the targets first among the columns, and a scale for each`,
    )
  }
  return config
}

/** The configuration of a model of series. */
export function seriesConfigOf(
  { rnn }: SeriesModel,
  spec: SeriesSpec,
  intervals?: Intervals,
  training?: TrainingRecord,
): SeriesConfig {
  const { hiddenSize, numLayers, bias, dropout, layerNorm } = rnn
  const nonlinearity = rnn instanceof RNN ? rnn.nonlinearity : undefined
  const sizes = { cell: cells[rnn.kind].name, nonlinearity, hiddenSize, numLayers, bias, dropout, layerNorm }
  return { format: SERIES_FORMAT, version: VERSION, ...sizes, spec, intervals, training }
}

/** A new model of a configuration; its initial values and its dropout draw from `generator`. */
export function seriesModelOf(config: Omit<SeriesConfig, 'format' | 'version'>, generator: Generator): SeriesModel {
  const { cell, nonlinearity, hiddenSize, numLayers, bias, dropout, layerNorm, spec } = config
  const sizes = sizesOf(spec)
  const options = { inputSize: inputSizeOf(sizes), hiddenSize, numLayers, bias, dropout, layerNorm, generator }
  const rnn = {
    rnn: () => new RNN({ ...options, nonlinearity }),
    gru: () => new GRU(options),
    lstm: () => new LSTM(options),
  }[cell]()
  return new SeriesModel(rnn as never, sizes, { generator })
}

/** The model of a configuration with its parameters. @throws FormatError if they do not fit */
export function seriesModelWith(
  config: SeriesConfig,
  parameters: Readonly<Record<string, TensorValues>>,
  where: string,
  generator = new Generator(0),
): SeriesModel {
  const problem = valuesProblem(parameters)
  if (problem !== undefined) throw new FormatError(`${where}: ${problem}`)
  // Wrong sizes in a forged file must not reserve memory for a model of these sizes.
  checkShapes(config, parameters, where)
  const model = seriesModelOf(config, generator)
  try {
    model.loadStateDict(parameters)
  } catch (error) {
    throw new FormatError(`${where}: ${(error as Error).message}`)
  }
  return model
}

/** The recurrent weights must be in the file, so a small file cannot describe a model that is too large for the memory. */
function checkShapes(config: SeriesConfig, parameters: Readonly<Record<string, TensorValues>>, where: string): void {
  const { hiddenSize, numLayers, cell, spec } = config
  const gates = { rnn: 1, gru: 3, lstm: 4 }[cell]
  for (let layer = 0; layer < numLayers; layer++) {
    const name = `rnn.weight_hh_l${layer}`
    const shape = parameters[name]?.shape ?? []
    if (!sameShape(shape, [gates * hiddenSize, hiddenSize])) {
      throw new FormatError(
        `${where}: ${name} has the shape ${formatShape(shape)}, expected ${formatShape([gates * hiddenSize, hiddenSize])}`,
      )
    }
  }
  const { shape } = parameters['rnn.weight_ih_l0'] ?? { shape: [] }
  const expected = [gates * hiddenSize, inputSizeOf(sizesOf(spec))]
  if (!sameShape(shape, expected)) {
    throw new FormatError(
      `${where}: rnn.weight_ih_l0 has the shape ${formatShape(shape)}, expected ${formatShape(expected)}`,
    )
  }
}

/** The files of a model of series. */
export type SeriesFiles = Record<'config.json' | 'model.safetensors', Uint8Array>

/** @throws DataError for a model that could not be loaded again */
export async function encodeSeriesFiles(where: string, model: SeriesModel, config: SeriesConfig): Promise<SeriesFiles> {
  const tensors = await inMemoryOf(model.stateDict())
  const problem = valuesProblem(tensors)
  if (problem !== undefined) throw new DataError(`${where}: the model cannot be saved: ${problem}`)
  const parameters = encodeSafetensors(tensors, { format: 'pt' })
  const sha256 = { 'model.safetensors': await sha256Of(sourceOf(parameters), 'model.safetensors') }
  const json = `${JSON.stringify({ ...config, sha256 })}\n`
  parseSeriesConfig(json, where)
  return { 'config.json': new TextEncoder().encode(json), 'model.safetensors': parameters }
}

/** @param where the folder, for messages @throws FormatError for damaged files */
export async function decodeSeriesFiles(
  files: SeriesFiles,
  where: string,
): Promise<{ model: SeriesModel; config: SeriesConfig }> {
  const config = parseSeriesConfig(new TextDecoder().decode(files['config.json']), `${where}/config.json`)
  const at = `${where}/model.safetensors`
  const bytes = files['model.safetensors']
  const expected = config.sha256?.['model.safetensors']
  if (expected !== undefined && expected !== (await sha256Of(sourceOf(bytes), at))) {
    throw new FormatError(`${at}: the file is not the one that was saved (its SHA-256 differs)`)
  }
  return { model: seriesModelWith(config, decodeSafetensors(bytes, at).tensors, at), config }
}

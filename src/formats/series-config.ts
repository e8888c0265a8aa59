import { checkArgument } from '../core/check.js'
import { FormatError } from '../core/errors.js'
import { array, finite, fitting, object, oneOf, optional, record, string, unknownKey, whole } from '../core/parse.js'
import { Generator } from '../core/random.js'
import { calendarNames } from '../data/series/calendar.js'
import type { Intervals } from '../data/series/intervals.js'
import { type Scale, type SeriesSpec, sizesOf } from '../data/series/series-data.js'
import { inputSizeOf, SeriesModel } from '../nn/series-model.js'
import {
  checkSum,
  encodeWithConfig,
  type LayerConfig,
  layerConfigOf,
  layerFields,
  type SavedFacts,
  savedFacts,
  withCheckedParameters,
} from './layer-config.js'
import type { TrainingRecord } from './model-config.js'
import { layerOf } from './model-of.js'
import { decodeSafetensors, type TensorValues } from './safetensors.js'

/** What config.json says of a model of series. */
export const SERIES_FORMAT = 'unrolled series'
export const SERIES_VERSION = 1

/** The content of config.json of a saved model of series. */
export interface SeriesConfig extends LayerConfig, SavedFacts {
  format: typeof SERIES_FORMAT
  version: typeof SERIES_VERSION
  spec: SeriesSpec
  intervals?: Intervals
}

const positive = fitting<number>(
  'a number above 0',
  (value) => typeof value === 'number' && value > 0 && value < Infinity,
)
const share = fitting<number>(
  'a number of 0 or more',
  (value) => typeof value === 'number' && value >= 0 && value < Infinity,
)
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
    clock: optional(oneOf('file')),
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
    version: oneOf(SERIES_VERSION),
    ...layerFields,
    spec: specSchema,
    intervals: optional(object<Intervals>({ widths: array(array(array(share))) }, unknownKey)),
    ...savedFacts,
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
  const other = { unrolled: 'is one of texts', 'unrolled labels': 'labels texts' }[String(Object(value).format)]
  if (other) {
    throw new FormatError(`${where}: the model ${other}, expected one of series, as unrolled train --target saves it`)
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
  return { format: SERIES_FORMAT, version: SERIES_VERSION, ...layerConfigOf(rnn), spec, intervals, training }
}

/** A new model of a configuration; its initial values and its dropout draw from `generator`. */
export function seriesModelOf(config: Omit<SeriesConfig, 'format' | 'version'>, generator: Generator): SeriesModel {
  const sizes = sizesOf(config.spec)
  return new SeriesModel(layerOf({ ...config, inputSize: inputSizeOf(sizes), generator }), sizes, { generator })
}

/** The model of a configuration with its parameters. @throws FormatError if they do not fit */
export function seriesModelWith(
  config: SeriesConfig,
  parameters: Readonly<Record<string, TensorValues>>,
  where: string,
  generator = new Generator(0),
): SeriesModel {
  const make = () => seriesModelOf(config, generator)
  return withCheckedParameters(make, { ...config, inputSize: inputSizeOf(sizesOf(config.spec)) }, parameters, where)
}

/** The files of a model of series. */
export type SeriesFiles = Record<'config.json' | 'model.safetensors', Uint8Array>

/** A model of series with what it knows of its tables. */
export interface SavedForecaster {
  model: SeriesModel
  spec: SeriesSpec
  intervals?: Intervals
  training?: TrainingRecord
}

/** The files of a model with what it knows of its tables. @throws DataError for a model that could not be loaded again */
export async function encodeForecaster(
  where: string,
  { model, spec, intervals, training }: SavedForecaster,
): Promise<SeriesFiles> {
  checkArgument(where, 'the model', model, model instanceof SeriesModel, 'a SeriesModel')
  return encodeWithConfig(where, model, seriesConfigOf(model, spec, intervals, training), parseSeriesConfig)
}

/** @param where the folder, for messages @throws FormatError for damaged files */
export async function decodeSeriesFiles(
  files: SeriesFiles,
  where: string,
): Promise<{ model: SeriesModel; config: SeriesConfig }> {
  const config = parseSeriesConfig(new TextDecoder().decode(files['config.json']), `${where}/config.json`)
  const at = `${where}/model.safetensors`
  const bytes = files['model.safetensors']
  await checkSum(config, 'model.safetensors', bytes, at)
  return { model: seriesModelWith(config, decodeSafetensors(bytes, at).tensors, at), config }
}

/**
 * A model of series with what it knows of its tables, from the files of its folder.
 * @param where the folder, for messages
 * @throws FormatError for damaged files
 */
export async function decodeForecaster(files: SeriesFiles, where: string): Promise<SavedForecaster> {
  const { model, config } = await decodeSeriesFiles(files, where)
  const { spec, intervals, training } = config
  return { model, spec, intervals, training }
}

import { DataError, FormatError } from '../core/errors.js'
import { fromJson } from '../core/json.js'
import { array, boolean, fitting, object, oneOf, optional, record, string, unknownKey, whole } from '../core/parse.js'
import { formatShape, sameShape, sizeOf } from '../core/shape.js'
import { tokenKinds } from '../data/text.js'
import { Vocab } from '../data/vocab.js'
import { cellNames, isMinimal, type LayerKind } from '../device/cells.js'
import { type DropoutKind, dropoutKinds } from '../nn/dropout.js'
import { modelShapes, outputFeatures } from '../nn/shapes.js'
import type { TensorValues } from './safetensors.js'

const size = whole(1)
const rate = fitting<number>('a number from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1)

/** The version of the format that is written. There has been no other so far. */
export const VERSION = 1

/** The content of a saved model's config.json. */
export interface ModelConfig {
  format: 'unrolled'
  version: typeof VERSION
  cell: (typeof cellNames)[number]
  /** Only for an RNN. */
  nonlinearity?: 'tanh' | 'relu'
  /** Only for a GRU whose reset gate comes before the product with the weights. */
  resetAfter?: boolean
  /** Only for an LSTM with a projection: the features of h. */
  projSize?: number
  /** Only for an LSTM whose gates see c. */
  peepholes?: boolean
  vocabSize: number
  hiddenSize: number
  numLayers: number
  bias: boolean
  bidirectional: boolean
  /** The probability of dropout between layers. */
  dropout: number
  dropoutKind?: DropoutKind
  weightDropout?: number
  inputDropout?: number
  outputDropout?: number
  embeddingSize?: number
  tieWeights?: boolean
  layerNorm?: boolean
  /** How the model was trained, for people to read. */
  training?: TrainingRecord
  /** SHA-256 of the model's other files, by name. Absent if the files were not written by this library. */
  sha256?: Record<string, string>
}

/** How a model was trained, for people to read. */
export type TrainingRecord = Record<string, string | number | boolean | null | string[]>

const isPlain = (value: unknown) => value === null || ['string', 'number', 'boolean'].includes(typeof value)

const configSchema = object<ModelConfig>(
  {
    format: oneOf('unrolled'),
    version: oneOf(VERSION),
    cell: oneOf(...cellNames),
    nonlinearity: optional(oneOf('tanh', 'relu')),
    vocabSize: size,
    hiddenSize: size,
    numLayers: size,
    bias: boolean,
    bidirectional: boolean,
    dropout: rate,
    // These keys are newer than the format. Models without them are read with the defaults.
    dropoutKind: optional(oneOf(...dropoutKinds)),
    weightDropout: optional(rate),
    inputDropout: optional(rate),
    outputDropout: optional(rate),
    embeddingSize: optional(size),
    tieWeights: optional(boolean),
    layerNorm: optional(boolean),
    resetAfter: optional(boolean),
    projSize: optional(size),
    peepholes: optional(boolean),
    training: optional(
      record(
        fitting<TrainingRecord[string]>(
          '(string | number | boolean | null | Array of strings)',
          (value) => isPlain(value) || (Array.isArray(value) && value.every((item) => typeof item === 'string')),
        ),
      ),
    ),
    sha256: optional(record(string)),
  },
  unknownKey,
)

const vocabSchema = object({ kind: oneOf(...tokenKinds), tokens: array(string) }, unknownKey)

/** @throws FormatError for anything but a configuration, or for one of a newer version */
export function parseConfig(json: string, where: string): ModelConfig {
  const value = parseJson(json, where)
  const { format, version }: { format?: unknown; version?: unknown } = Object(value)
  if (format === 'unrolled' && typeof version === 'number' && version > VERSION) {
    throw new FormatError(
      `${where}: the version is ${version}, expected ${VERSION}; a newer version of Unrolled wrote it, so update Unrolled to read it`,
    )
  }
  if (format === 'unrolled series') {
    const problem = `${where}: the model is one of series of numbers, expected one of texts; forecast uses it`
    throw new FormatError(problem, [], 'series-model')
  }
  if (format === 'unrolled labels') {
    const problem = `${where}: the model labels texts, expected a language model; label uses it`
    throw new FormatError(problem, [], 'labels-model')
  }
  const config = configSchema(value, where)
  const { tieWeights, embeddingSize, resetAfter, cell, layerNorm, weightDropout } = config
  const outputs = outputFeatures(config)
  if (tieWeights && embeddingSize !== outputs) {
    throw new FormatError(
      `${where}: embeddingSize is ${embeddingSize}, expected ${outputs}, the number of the layer's outputs, because tieWeights is true`,
    )
  }
  if (resetAfter === false && (cell !== 'gru' || layerNorm)) {
    const given = layerNorm ? 'layerNorm is true' : `the cell is ${cell}`
    throw new FormatError(`${where}: resetAfter is false and ${given}, expected it only for a gru without layerNorm`)
  }
  if (cell !== 'rnn' && isMinimal(cell) && (layerNorm || weightDropout)) {
    const given = layerNorm ? 'layerNorm is true' : `weightDropout is ${weightDropout}`
    throw new FormatError(`${where}: ${given} and the cell is ${cell}, expected it only for an rnn, gru or lstm`)
  }
  checkLSTM(config, where)
  return config
}

/** @throws FormatError for a projection or peepholes where the layers do not have them */
function checkLSTM({ cell, projSize, peepholes, hiddenSize, layerNorm }: ModelConfig, where: string): void {
  if (projSize === undefined && !peepholes) return
  const name = peepholes ? 'peepholes' : 'projSize'
  if (cell !== 'lstm' || layerNorm) {
    const given = layerNorm ? 'layerNorm is true' : `the cell is ${cell}`
    throw new FormatError(`${where}: ${name} is there and ${given}, expected it only for an lstm without layerNorm`)
  }
  if (projSize !== undefined && projSize >= hiddenSize) {
    throw new FormatError(`${where}: projSize is ${projSize}, expected less than hiddenSize = ${hiddenSize}`)
  }
}

export function parseVocab(json: string, where: string): Vocab {
  const { kind, tokens } = vocabSchema(parseJson(json, where), where)
  try {
    return Vocab.of(tokens, kind)
  } catch (error) {
    throw new FormatError(`${where}: ${(error as Error).message}`)
  }
}

export const vocabToJson = ({ kind, tokens }: Vocab): string => `${JSON.stringify({ kind, tokens }, null, 1)}\n`

/** A configuration without the keys that only a file has. */
export type ModelSizes = Omit<ModelConfig, 'format' | 'version'>

/** The kind of cell in a configuration. */
export const cellKindOf = ({ cell, nonlinearity = 'tanh' }: Pick<ModelSizes, 'cell' | 'nonlinearity'>): LayerKind =>
  cell === 'rnn' ? `rnn_${nonlinearity}` : cell

const expectedShapes = (config: ModelSizes) => modelShapes({ ...config, kind: cellKindOf(config) })

/** The reason why tensors cannot be saved or loaded: a value is not finite as a 32-bit float. */
export function valuesProblem(tensors: Readonly<Record<string, TensorValues>>): string | undefined {
  const infinite = Object.entries(tensors).find(([, { data }]) => !data.every((x) => Number.isFinite(Math.fround(x))))
  return infinite && `${infinite[0]} has values that are not finite numbers`
}

/** How many numbers the parameters of a configuration have. No array of its sizes is made. */
export function parameterCount(config: ModelSizes): number {
  const count = (numLayers: number): number => {
    let sum = 0
    for (const [, shape] of expectedShapes({ ...config, numLayers })) sum += sizeOf(shape)
    return sum
  }
  const one = count(1)
  // All layers after the first have the same sizes.
  return one + (config.numLayers - 1) * (count(2) - one)
}

/** A model as it is written: its configuration and vocabulary as JSON, and its parameters. */
export interface WrittenModel {
  config: string
  vocab: string
  parameters: Readonly<Record<string, TensorValues>>
}

/**
 * Checks the parts of a saved model. Saving calls this before writing, and loading after reading, so that a model that
 * would be refused on loading is not saved.
 * @param where the names of the parts, for messages
 * @throws FormatError if a part is damaged, or if the parts do not belong together
 */
export function checkModel(
  { config: configText, vocab: vocabText, parameters }: WrittenModel,
  where: Record<keyof WrittenModel, string>,
): { config: ModelConfig; vocab: Vocab } {
  const config = parseConfig(configText, where.config)
  const vocab = parseVocab(vocabText, where.vocab)
  if (vocab.size !== config.vocabSize) {
    throw new FormatError(
      `${where.vocab}: the vocabulary has ${vocab.size} tokens, expected ${config.vocabSize} according to the configuration`,
    )
  }
  checkModelParameters(config, parameters, where.parameters)
  return { config, vocab }
}

/**
 * Checks that these are the parameters of a configuration's model. This comes before any array of the configuration's
 * sizes is made, so that a forged size takes neither memory nor time.
 * @throws FormatError if a parameter is missing or unknown, has another shape, or is not finite
 */
export function checkModelParameters(
  config: ModelConfig,
  parameters: Readonly<Record<string, TensorValues>>,
  where: string,
): void {
  const { numLayers } = config
  const layers = numLayers === 1 ? '1 layer' : `${numLayers} layers`
  const expected = new Set<string>()
  for (const [name, shape] of expectedShapes(config)) {
    const given = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    if (!given || !sameShape(given.shape, shape)) {
      const found = given ? `has the shape ${formatShape(given.shape)}` : 'is missing'
      throw new FormatError(
        `${where}: ${name} ${found}, expected ${formatShape(shape)} according to the configuration of ${layers}`,
      )
    }
    if (given.data instanceof Int32Array)
      throw new FormatError(`${where}: ${name} holds whole numbers, expected floats`)
    expected.add(name)
  }
  const unknown = Object.keys(parameters).find((name) => !expected.has(name))
  if (unknown !== undefined) throw new FormatError(`${where}: ${unknown} is unknown to the configuration of ${layers}`)
  const problem = valuesProblem(parameters)
  if (problem) throw new FormatError(`${where}: ${problem}`)
}

/**
 * Checks a model before saving with the checks of loading, so that no good model is replaced by one that cannot be
 * loaded.
 * @param where the function or file, for messages
 * @throws DataError if the configuration, the vocabulary and the parameters do not make up a model
 */
export function checkSavable(
  where: string,
  config: ModelConfig,
  vocab: Vocab,
  parameters: Readonly<Record<string, TensorValues>>,
): void {
  const infinite = valuesProblem(parameters)
  const advice = infinite
    ? 'train it again with a smaller learning rate'
    : 'saveStateDict saves a model with additional parameters'
  try {
    if (infinite) throw new FormatError(`${where}: ${infinite}`)
    const written = { config: JSON.stringify(config), vocab: vocabToJson(vocab), parameters }
    checkModel(written, { config: where, vocab: where, parameters: where })
  } catch (error) {
    throw new DataError(
      `${(error as Error).message}; nothing was saved, because the model could not be loaded again; ${advice}`,
    )
  }
}

function parseJson(json: string, where: string): unknown {
  return fromJson(json, () => {
    throw new FormatError(`${where}: the file is not JSON`)
  })
}

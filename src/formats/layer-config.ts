import { DataError, FormatError } from '../core/errors.js'
import { boolean, fitting, oneOf, optional, record, string, whole } from '../core/parse.js'
import { formatShape, sameShape } from '../core/shape.js'
import { cellNames } from '../device/cells.js'
import type { Module } from '../nn/module.js'
import type { RecurrentLayer } from '../nn/recurrent.js'
import { recurrentShapes } from '../nn/shapes.js'
import { inMemoryOf } from '../tensor/saved-tensors.js'
import { cellKindOf, type TrainingRecord, valuesProblem } from './model-config.js'
import { cellOf, withParameters } from './model-of.js'
import { encodeSafetensors, type TensorValues } from './safetensors.js'
import { sha256Of, sourceOf } from './source.js'

// What saved models have in common that are not language models: a recurrent layer, and files with checksums.

/** A recurrent layer in config.json. */
export interface LayerConfig {
  cell: (typeof cellNames)[number]
  /** Only for an RNN. */
  nonlinearity?: 'tanh' | 'relu'
  /** Only for a GRU that resets before its product. */
  resetAfter?: false
  /** Only for an LSTM with a projection. */
  projSize?: number
  /** Only for an LSTM with peepholes. */
  peepholes?: true
  hiddenSize: number
  numLayers: number
  bias: boolean
  dropout: number
  layerNorm: boolean
  /** Absent for one direction. */
  bidirectional?: boolean
}

/** What any config.json may also have. */
export interface SavedFacts {
  /** How the model was trained, for people to read. */
  training?: TrainingRecord
  /** SHA-256 of the model's other files, by name. */
  sha256?: Record<string, string>
}

export const rate = fitting<number>(
  'a number from 0 to 1',
  (value) => typeof value === 'number' && value >= 0 && value <= 1,
)

export const layerFields = {
  cell: oneOf(...cellNames),
  nonlinearity: optional(oneOf('tanh', 'relu')),
  resetAfter: optional(fitting<false>('false', (value) => value === false)),
  projSize: optional(whole(1)),
  peepholes: optional(fitting<true>('true', (value) => value === true)),
  hiddenSize: whole(1),
  numLayers: whole(1),
  bias: boolean,
  dropout: rate,
  layerNorm: boolean,
  bidirectional: optional(boolean),
}

export const savedFacts = {
  training: optional(record(fitting<TrainingRecord[string]>('a plain value', (value) => typeof value !== 'object'))),
  sha256: optional(record(string)),
}

/** The configuration of a layer. */
export function layerConfigOf(rnn: RecurrentLayer): LayerConfig {
  const { hiddenSize, numLayers, bias, dropout, layerNorm } = rnn
  const bidirectional = rnn.bidirectional || undefined
  return { ...cellOf(rnn), hiddenSize, numLayers, bias, dropout, layerNorm, bidirectional }
}

/**
 * A model with its parameters. Those of the recurrent layer must be in the file before a model of the configuration's sizes is
 * made, so that a small forged file cannot describe one that is too large for the memory.
 * @throws FormatError if they do not fit
 */
export function withCheckedParameters<M extends Module>(
  make: () => M,
  { inputSize, ...config }: LayerConfig & { inputSize: number },
  parameters: Readonly<Record<string, TensorValues>>,
  where: string,
): M {
  const problem = valuesProblem(parameters)
  if (problem !== undefined) throw new FormatError(`${where}: ${problem}`)
  const { bidirectional = false } = config
  for (const [name, expected] of recurrentShapes({ ...config, inputSize, bidirectional, kind: cellKindOf(config) })) {
    const shape = parameters[`rnn.${name}`]?.shape ?? []
    if (sameShape(shape, expected)) continue
    throw new FormatError(
      `${where}: rnn.${name} has the shape ${formatShape(shape)}, expected ${formatShape(expected)}`,
    )
  }
  return withParameters(make, parameters, where)
}

/**
 * A model as files: its parameters, what else it has, and config.json with their checksums.
 * @param check reads the configuration as loading does
 * @throws DataError for a model that could not be loaded again
 */
export async function encodeWithConfig<Name extends string = never>(
  where: string,
  model: Module,
  config: object,
  check: (json: string, where: string) => unknown,
  others: Readonly<Record<Name, Uint8Array>> = {} as Record<Name, Uint8Array>,
): Promise<Record<'config.json' | 'model.safetensors' | Name, Uint8Array>> {
  const tensors = await inMemoryOf(model.stateDict())
  const problem = valuesProblem(tensors)
  if (problem !== undefined) throw new DataError(`${where}: the model cannot be saved: ${problem}`)
  const files = { 'model.safetensors': encodeSafetensors(tensors, { format: 'pt' }), ...others }
  const sha256: Record<string, string> = {}
  for (const [name, bytes] of Object.entries<Uint8Array>(files)) sha256[name] = await sha256Of(sourceOf(bytes), name)
  const json = `${JSON.stringify({ ...config, sha256 })}\n`
  check(json, where)
  return { ...files, 'config.json': new TextEncoder().encode(json) }
}

/** @param at the file's place @throws FormatError if a file is not the one whose checksum config.json has */
export async function checkSum({ sha256 }: SavedFacts, name: string, bytes: Uint8Array, at: string): Promise<void> {
  const expected = sha256?.[name]
  if (expected === undefined || expected === (await sha256Of(sourceOf(bytes), at))) return
  throw new FormatError(`${at}: the file is not the one that was saved (its SHA-256 differs)`)
}

import { FormatError } from '../../core/errors.js'
import type { Vocab } from '../../data/vocab.js'
import type { RNNModel } from '../../nn/model.js'
import type { ForeignFile } from '../foreign.js'
import type { TrainingRecord } from '../model-config.js'
import { readExactly } from '../source.js'
import { textRecordOf, vocabAndTextOf } from '../text-record.js'
import type { TokenList } from '../token-list.js'
import { unzipFiles, zipFiles } from '../zip.js'
import { readH5, writeH5 } from './h5.js'
import { parseJson } from './json.js'
import { kerasLayersOf, type LayerWords, sequentialOf } from './topology.js'
import type { Tensors } from './weights.js'

/** The most bytes of a file that is read as a whole: the size of the largest array. */
const MOST_BYTES = 2 ** 31

/** The file of the vocabulary in a .keras that this library wrote; Keras passes over it. */
const VOCAB = 'vocab.json'

/** What a file of Keras or TensorFlow.js holds, before a model is made of it. */
export interface KerasContent {
  tensors: Tensors
  /** Its configuration, if it has one. */
  config: unknown
  /** The vocabulary, if this library wrote the file. */
  vocab?: TokenList
  /** How the text was cleaned, if the file says so. */
  training?: TrainingRecord
}

/**
 * Reads what Keras 2 or 3 saved as .h5: a model, or its weights alone.
 * @throws DataError without the package h5wasm; FormatError for a damaged file
 */
export async function readKerasH5(file: ForeignFile): Promise<KerasContent> {
  const { config, tensors } = await readH5(await whole(file), file.name)
  return { tensors, config: config === undefined ? undefined : parseJson(config, `${file.name}: model_config`) }
}

/** Reads what Keras saved as .keras: a zip of its configuration and its weights. @throws as readKerasH5 does */
export async function readKeras(file: ForeignFile): Promise<KerasContent> {
  const { name } = file
  const files = unzipFiles(await whole(file), name, ['config.json', 'model.weights.h5', VOCAB])
  const { 'config.json': config, 'model.weights.h5': weights, [VOCAB]: vocab } = files
  if (!config || !weights) {
    throw new FormatError(`${name}: ${config ? 'model.weights.h5' : 'config.json'} is missing in it, expected both`)
  }
  const { tensors } = await readH5(weights, `${name}/model.weights.h5`)
  return {
    tensors,
    config: parseJson(textOf(config), `${name}/config.json`),
    ...(vocab && vocabAndTextOf(parseJson(textOf(vocab), `${name}/${VOCAB}`), `${name}/${VOCAB}`)),
  }
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

async function whole({ name, source }: ForeignFile): Promise<Uint8Array> {
  if (source.size <= MOST_BYTES) return readExactly(source, 0, source.size, name)
  throw new FormatError(`${name}: it has ${source.size} bytes, expected at most ${MOST_BYTES}`)
}

/**
 * Writes a model for `keras.models.load_model` of Keras 3.
 * @throws DataError without the package h5wasm, and for a model that Keras cannot compute
 */
export async function writeKeras(
  model: RNNModel,
  { kind, tokens }: Vocab,
  training?: TrainingRecord,
): Promise<Record<string, Uint8Array>> {
  const layers = await kerasLayersOf(model, 'exportModel')
  const weights = layers.flatMap((layer) => layer.weights)
  const inWords = (layer: LayerWords) => ({ module: 'keras.layers', ...layer, registered_name: null })
  const config = { module: 'keras', ...sequentialOf(layers, 'batch_shape', inWords), registered_name: null }
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
  const files = {
    'metadata.json': json({ keras_version: '3.0.0', date_saved: new Date().toISOString() }),
    'config.json': json(config),
    'model.weights.h5': await writeH5(
      Object.fromEntries(weights.map(({ checkpoint, values }) => [checkpoint, values])),
    ),
    [VOCAB]: json({ kind, tokens, text: textRecordOf(training) }),
  }
  return { 'model.keras': zipFiles(files) }
}

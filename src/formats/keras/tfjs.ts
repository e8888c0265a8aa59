import { FormatError } from '../../core/errors.js'
import { array, finite, object, oneOf, optional, string, whole } from '../../core/parse.js'
import { sizeOf } from '../../core/shape.js'
import type { Vocab } from '../../data/vocab.js'
import { GRU } from '../../nn/gru.js'
import type { RNNModel } from '../../nn/model.js'
import { dtypes } from '../dtypes.js'
import type { ForeignFile } from '../foreign.js'
import type { TrainingRecord } from '../model-config.js'
import type { TensorValues } from '../safetensors.js'
import { joined, readExactly } from '../source.js'
import { textRecordOf, vocabAndTextOf } from '../text-record.js'
import { gruLayer } from './gru-layer.js'
import { readJson } from './json.js'
import type { KerasContent } from './keras.js'
import { kerasLayersOf, sequentialOf } from './topology.js'

/** A weight in a manifest. Its values are of 4 bytes each, or quantized to fewer. */
interface WeightEntry {
  name: string
  shape: number[]
  dtype: 'float32'
  quantization?: { dtype: 'float16' | 'uint8' | 'uint16'; scale?: number; min?: number }
}

const manifestSchema = array(
  object<{ paths: string[]; weights: WeightEntry[] }>({
    paths: array(string),
    weights: array(
      object<WeightEntry>({
        name: string,
        shape: array(whole(0)),
        dtype: oneOf('float32'),
        quantization: optional(
          object<NonNullable<WeightEntry['quantization']>>({
            dtype: oneOf('float16', 'uint8', 'uint16'),
            scale: optional(finite),
            min: optional(finite),
          }),
        ),
      }),
    ),
  }),
)

const dtypeOf = { float32: 'F32', float16: 'F16', uint16: 'U16', uint8: 'U8' } as const

/**
 * Reads a model.json of TensorFlow.js' layers models, of its own or of its converter from Keras 2 and 3, with the shards
 * that lie beside it.
 * @throws FormatError for another kind of file, for missing shards and for those of another size, and for a model that
 *   this library does not have
 */
export async function readTfjs(file: ForeignFile): Promise<KerasContent> {
  const { name } = file
  const { modelTopology, weightsManifest, format, userDefinedMetadata } = await readJson(file.source, name)
  if (format === 'graph-model') {
    throw new FormatError(`${name}: it is a graph model, expected a layers model, which tf.loadLayersModel loads`)
  }
  if (typeof modelTopology !== 'object' || modelTopology === null) {
    throw new FormatError(`${name}: there is no modelTopology, expected the model.json of a TensorFlow.js layers model`)
  }
  const groups = manifestSchema(weightsManifest, name, 'weightsManifest')
  const tensors = new Map<string, TensorValues>()
  for (const { paths, weights } of groups) {
    const total = weights.reduce((sum, weight) => sum + byteLength(weight), 0)
    const bytes = await readShards(file, paths, total)
    let at = 0
    for (const weight of weights) {
      const end = at + byteLength(weight)
      if (tensors.has(weight.name)) throw new FormatError(`${name}: there are two weights ${weight.name}, expected one`)
      tensors.set(weight.name, { data: decoded(weight, bytes.subarray(at, end)), shape: weight.shape })
      at = end
    }
  }
  const { model_config = modelTopology } = modelTopology as { model_config?: unknown }
  const { unrolled } = Object(userDefinedMetadata) as { unrolled?: unknown }
  const where = `${name}: userDefinedMetadata.unrolled`
  const own = unrolled === undefined ? undefined : vocabAndTextOf(unrolled, where)
  return { tensors: Object.fromEntries(tensors), config: model_config, ...own }
}

const valuesOf = (dtype: keyof typeof dtypeOf = 'float32') => dtypes.get(dtypeOf[dtype])!

const byteLength = ({ shape, quantization }: WeightEntry): number =>
  (sizeOf(shape) * valuesOf(quantization?.dtype).bits) / 8

/** The bytes of a group's shards, one after the other; no more is read than the weights need. */
async function readShards({ name, beside }: ForeignFile, paths: readonly string[], total: number): Promise<Uint8Array> {
  if (!beside) {
    throw new FormatError(
      `${name}: its weights are in ${paths.join(', ')}, expected the file with what lies beside it: { name, source, beside }`,
    )
  }
  const shards = []
  let size = 0
  for (const path of paths) {
    const source = await beside(path)
    if (!source) throw new FormatError(`${name}: ${path} is missing, expected this file of weights beside it`)
    size += source.size
    shards.push({ path, source })
  }
  if (size !== total) {
    throw new FormatError(`${name}: ${paths.join(', ')} have ${size} bytes, expected ${total} for the weights in them`)
  }
  const parts = []
  for (const { path, source } of shards) parts.push(await readExactly(source, 0, source.size, path))
  return joined(parts)
}

function decoded({ quantization }: WeightEntry, bytes: Uint8Array): Float32Array {
  if (!quantization) return new Float32Array(bytes.slice().buffer)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { dtype, scale = 1, min = 0 } = quantization
  const { bits, read } = valuesOf(dtype)
  const width = bits / 8
  return Float32Array.from({ length: bytes.length / width }, (_, i) => read!(view, i * width) * scale + min)
}

/**
 * Writes a model for `tf.loadLayersModel`: model.json and its weights. Beside a GRU with `resetAfter` is gru.js, which
 * registers the layer that TensorFlow.js lacks.
 * @throws DataError for a model that TensorFlow.js cannot compute
 */
export async function writeTfjs(
  model: RNNModel,
  { kind, tokens }: Vocab,
  training?: TrainingRecord,
): Promise<Record<string, Uint8Array>> {
  const layers = await kerasLayersOf(model, 'exportModel')
  const weights = layers.flatMap((layer) => layer.weights)
  const topology = {
    ...sequentialOf(layers, 'batch_input_shape', (layer) => layer),
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  }
  const entries = weights.map(({ variable, values: { shape } }) => ({ name: variable, shape, dtype: 'float32' }))
  const json = {
    format: 'layers-model',
    generatedBy: 'unrolled',
    modelTopology: topology,
    weightsManifest: [{ paths: [SHARD], weights: entries }],
    // model.getUserDefinedMetadata() gives it in TensorFlow.js.
    userDefinedMetadata: { unrolled: { kind, tokens, text: textRecordOf(training) } },
  }
  return {
    'model.json': new TextEncoder().encode(`${JSON.stringify(json, null, 1)}\n`),
    [SHARD]: joined(weights.map(({ values: { data } }) => new Uint8Array(Float32Array.from(data).buffer))),
    ...(model.rnn instanceof GRU && model.rnn.resetAfter && { 'gru.js': new TextEncoder().encode(gruLayer) }),
  }
}

const SHARD = 'group1-shard1of1.bin'

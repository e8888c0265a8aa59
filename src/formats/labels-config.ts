import { FormatError } from '../core/errors.js'
import { array, boolean, object, oneOf, optional, string, unknownKey, whole } from '../core/parse.js'
import { Generator } from '../core/random.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import type { LabelSpec, ReadSpec } from '../data/labels/labelled-texts.js'
import type { Vocab } from '../data/vocab.js'
import type { LabelModel } from '../nn/label-model.js'
import { type Pooling, poolings, SequenceClassifier } from '../nn/sequence-classifier.js'
import { SequenceTagger } from '../nn/sequence-tagger.js'
import {
  checkSum,
  encodeWithConfig,
  type LayerConfig,
  layerConfigOf,
  layerFields,
  rate,
  type SavedFacts,
  savedFacts,
  withCheckedParameters,
} from './layer-config.js'
import { parseVocab, type TrainingRecord, vocabToJson } from './model-config.js'
import { layerOf } from './model-of.js'
import { CONFIG, type ModelFile, PARAMETERS, VOCAB } from './read-model.js'
import { decodeSafetensors, type TensorValues } from './safetensors.js'

/** What config.json says of a model that labels texts. */
export const LABELS_FORMAT = 'unrolled labels'
export const LABELS_VERSION = 1

/** The content of config.json of a saved model that labels texts. */
export interface LabelsConfig extends LayerConfig, SavedFacts {
  format: typeof LABELS_FORMAT
  version: typeof LABELS_VERSION
  /** Absent for a SequenceTagger. */
  pooling?: Pooling
  vocabSize: number
  embeddingSize?: number
  inputDropout: number
  outputDropout: number
  spec: LabelSpec
}

const configSchema = object<LabelsConfig>(
  {
    format: oneOf(LABELS_FORMAT),
    version: oneOf(LABELS_VERSION),
    ...layerFields,
    pooling: optional(oneOf(...poolings)),
    vocabSize: whole(1),
    embeddingSize: optional(whole(1)),
    inputDropout: rate,
    outputDropout: rate,
    spec: object<LabelSpec>(
      {
        ...{ labels: array(string), clean: boolean, lowercase: boolean, maxTokens: optional(whole(1)) },
        read: optional(
          object<ReadSpec>({ textColumn: string, labelColumn: string, validation: rate, test: rate }, unknownKey),
        ),
      },
      unknownKey,
    ),
    ...savedFacts,
  },
  unknownKey,
)

/** @throws FormatError for anything but the configuration of a model that labels texts */
export function parseLabelsConfig(json: string, where: string): LabelsConfig {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new FormatError(`${where}: the file is not JSON (${(error as Error).message})`)
  }
  const kind = { unrolled: 'a language model', 'unrolled series': 'a model of series' }[String(Object(value).format)]
  if (kind) throw new FormatError(`${where}: it is ${kind}, expected a model that labels texts`)
  const config = configSchema(value, where)
  const { labels } = config.spec
  if (new Set(labels).size < Math.max(labels.length, 2)) {
    throw new FormatError(`${where}: spec.labels has ${labels.length} labels, expected at least two, each once`)
  }
  return config
}

/** The configuration of a model that labels texts. */
export function labelsConfigOf(model: LabelModel, spec: LabelSpec, training?: TrainingRecord): LabelsConfig {
  const { rnn, vocabSize, embedding, inputDropout, outputDropout } = model
  return {
    format: LABELS_FORMAT,
    version: LABELS_VERSION,
    ...layerConfigOf(rnn),
    pooling: model instanceof SequenceClassifier ? model.pooling : undefined,
    ...{ vocabSize, embeddingSize: embedding?.embeddingDim, inputDropout, outputDropout, spec, training },
  }
}

/** A new model of a configuration; its initial values and its dropout draw from `generator`. */
export function labelModelOf(config: Omit<LabelsConfig, 'format' | 'version'>, generator: Generator): LabelModel {
  const { vocabSize, embeddingSize, inputDropout, outputDropout, pooling, spec } = config
  const rnn = layerOf({ ...config, inputSize: embeddingSize ?? vocabSize, generator })
  const options = { embeddingSize, inputDropout, outputDropout, generator }
  return pooling === undefined
    ? new SequenceTagger(rnn, vocabSize, spec.labels.length, options)
    : new SequenceClassifier(rnn, vocabSize, spec.labels.length, { ...options, pooling })
}

/** The model of a configuration with its parameters. @throws FormatError if they do not fit */
export function labelModelWith(
  config: LabelsConfig,
  parameters: Readonly<Record<string, TensorValues>>,
  where: string,
  generator = new Generator(0),
): LabelModel {
  const inputSize = config.embeddingSize ?? config.vocabSize
  return withCheckedParameters(() => labelModelOf(config, generator), { ...config, inputSize }, parameters, where)
}

/** @throws DataError for a model that could not be loaded again */
export function encodeLabelFiles(
  where: string,
  model: LabelModel,
  vocab: Vocab,
  config: LabelsConfig,
): Promise<Record<ModelFile, Uint8Array>> {
  const others = { [VOCAB]: new TextEncoder().encode(vocabToJson(vocab)) }
  return encodeWithConfig(where, model, config, parseLabelsConfig, others)
}

/** @param where the folder, for messages @throws FormatError for damaged files */
export async function decodeLabelFiles(
  files: Record<ModelFile, Uint8Array>,
  where: string,
): Promise<{ model: LabelModel; vocab: Vocab; config: LabelsConfig }> {
  const text = (name: ModelFile) => new TextDecoder().decode(files[name])
  const config = parseLabelsConfig(text(CONFIG), `${where}/${CONFIG}`)
  for (const name of [VOCAB, PARAMETERS] as const) await checkSum(config, name, files[name], `${where}/${name}`)
  const vocab = parseVocab(text(VOCAB), `${where}/${VOCAB}`)
  if (vocab.size !== config.vocabSize) {
    throw new FormatError(
      `${where}/${VOCAB}: the vocabulary has ${vocab.size} tokens, expected ${config.vocabSize} according to the configuration`,
    )
  }
  if (vocab.kind === 'bpe') await loadBytePairs()
  const at = `${where}/${PARAMETERS}`
  return { model: labelModelWith(config, decodeSafetensors(files[PARAMETERS], at).tensors, at), vocab, config }
}

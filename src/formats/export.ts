import { checkWord } from '../core/check.js'
import { checkVocab, type Vocab } from '../data/vocab.js'
import { checkRNNModel, type RNNModel } from '../nn/model.js'
import { type ExportFormat, exportFormats } from './export-formats.js'
import { checkForPyTorch } from './for-pytorch.js'
import type { TrainingRecord } from './model-config.js'
import { configOf } from './model-of.js'
import { encodeStateDict } from './state-dict.js'

type Encode = (
  model: RNNModel,
  vocab: Vocab,
  training?: TrainingRecord,
) => Promise<Readonly<Record<string, Uint8Array>>>

const encoders: Readonly<Record<ExportFormat, Encode>> = {
  safetensors: async (model) => {
    checkForPyTorch('exportModel', configOf(model))
    return { 'model.safetensors': await encodeStateDict(model) }
  },
  keras: async (...given) => (await import('./keras/keras.js')).writeKeras(...given),
  tfjs: async (...given) => (await import('./keras/tfjs.js')).writeTfjs(...given),
  onnx: async (...given) => ({ 'model.onnx': await (await import('./onnx/write.js')).encodeOnnx(...given) }),
}

/**
 * Encodes a model in the format of another framework.
 * @param training how the model was trained, such as `config.training` of a loaded model: all formats but safetensors tell how
 *   the text was cleaned
 * @returns the files by name; a format of one file has one entry
 * @throws OptionError for an unknown format; DataError for a model that the format cannot hold, or whose values are not
 *   finite
 */
export async function exportModel(
  model: RNNModel,
  vocab: Vocab,
  format: ExportFormat,
  training?: TrainingRecord,
): Promise<Readonly<Record<string, Uint8Array>>> {
  checkRNNModel('exportModel', model)
  checkVocab('exportModel', vocab)
  checkWord('exportModel', 'format', format, Object.keys(exportFormats) as ExportFormat[])
  return encoders[format](model, vocab, training)
}

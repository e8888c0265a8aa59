import { checkWord } from '../core/check.js'
import type { Vocab } from '../data/vocab.js'
import { checkVocab } from '../data/vocab.js'
import { checkRNNModel, type RNNModel } from '../nn/model.js'
import { encodeStateDict } from './state-dict.js'

/** The formats of other frameworks that models are written in. */
export const exportFormats = ['safetensors'] as const
export type ExportFormat = (typeof exportFormats)[number]

type Encode = (model: RNNModel, vocab: Vocab) => Promise<Readonly<Record<string, Uint8Array>>>

const encoders: Readonly<Record<ExportFormat, Encode>> = {
  safetensors: async (model) => ({ 'model.safetensors': await encodeStateDict(model) }),
}

/**
 * Encodes a model in the format of another framework.
 * @returns the files by name; a format of one file has one entry
 * @throws OptionError for an unknown format; DataError for a model that the format cannot hold, or whose values are not
 *   finite
 */
export async function exportModel(
  model: RNNModel,
  vocab: Vocab,
  format: ExportFormat,
): Promise<Readonly<Record<string, Uint8Array>>> {
  checkRNNModel('exportModel', model)
  checkVocab('exportModel', vocab)
  checkWord('exportModel', 'format', format, exportFormats)
  return encoders[format](model, vocab)
}

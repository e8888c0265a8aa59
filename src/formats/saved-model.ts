import { OptionError } from '../core/errors.js'
import { Vocab } from '../data/vocab.js'
import { RNNModel } from '../nn/model.js'
import { checkNoneHidden } from '../tensor/listings.js'
import { inMemoryOf } from '../tensor/saved-tensors.js'
import { checkSavable, type ModelConfig, type TrainingRecord, vocabToJson } from './model-config.js'
import { configOf, modelWith } from './model-of.js'
import { CONFIG, type ModelFile, type ModelFiles, PARAMETERS, readModelFiles, VOCAB } from './read-model.js'
import { encodeSafetensors } from './safetensors.js'
import { sha256Of, sourceOf } from './source.js'

/** A model as it was loaded. */
export interface LoadedModel {
  model: RNNModel
  vocab: Vocab
  config: ModelConfig
}

/**
 * Encodes a model as the bytes of its files: config.json, model.safetensors (with PyTorch's names) and vocab.json, for
 * any place that holds named files. A model that `decodeModel` would refuse is not encoded.
 * @param training how the model was trained, for people to read
 * @throws OptionError for a module that is not an RNNModel (`encodeStateDict` takes any module); DataError for a model
 *   that could not be loaded again
 */
export async function encodeModel(
  model: RNNModel,
  vocab: Vocab,
  training?: TrainingRecord,
): Promise<Record<ModelFile, Uint8Array>> {
  return encodeFiles('encodeModel', model, vocab, training)
}

/** @param where the function that the user called */
export async function encodeFiles(
  where: 'encodeModel' | 'saveModel',
  model: RNNModel,
  vocab: Vocab,
  training?: TrainingRecord,
): Promise<Record<ModelFile, Uint8Array>> {
  if (!(model instanceof RNNModel)) {
    const other = where === 'saveModel' ? 'saveStateDict saves' : 'encodeStateDict takes'
    throw new OptionError(`${where}: the model is not an RNNModel, expected one; ${other} a module of any class`)
  }
  if (!(vocab instanceof Vocab)) {
    throw new OptionError(`${where}: the vocabulary is not a Vocab, expected the model's`)
  }
  checkNoneHidden(where, model.parameters())
  const config = configOf(model, training)
  const parameters = await inMemoryOf(model.stateDict())
  checkSavable(where, config, vocab, parameters)
  const files = {
    [PARAMETERS]: encodeSafetensors(parameters, { format: 'pt' }),
    [VOCAB]: new TextEncoder().encode(vocabToJson(vocab)),
  }
  const sha256: Record<string, string> = {}
  for (const [name, bytes] of Object.entries(files)) sha256[name] = await sha256Of(sourceOf(bytes), name)
  return { ...files, [CONFIG]: new TextEncoder().encode(`${JSON.stringify({ ...config, sha256 }, null, 2)}\n`) }
}

/**
 * Decodes a model from the files that `encodeModel` made.
 * @param files by name: their bytes, or for files of any size an object that reads them part by part
 * @param where the place of the files, for messages
 * @throws FormatError if a file is missing, damaged, forged, or of a newer version; DataError if its tokens need a
 *   package that is not installed
 */
export async function decodeModel(files: ModelFiles, where = ''): Promise<LoadedModel> {
  const { config, vocab, parameters, at } = await readModelFiles(files, where)
  return { model: modelWith(config, parameters, at), vocab, config }
}

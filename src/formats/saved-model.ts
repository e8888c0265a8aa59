import { checkString } from '../core/check.js'
import { describe } from '../core/describe.js'
import { FormatError, OptionError } from '../core/errors.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import { Vocab } from '../data/vocab.js'
import { RNNModel } from '../nn/model.js'
import { checkNoneHidden } from '../tensor/listings.js'
import { inMemoryOf } from '../tensor/saved-tensors.js'
import {
  checkModel,
  checkSavable,
  configOf,
  type ModelConfig,
  modelWith,
  parseConfig,
  type TrainingRecord,
  vocabToJson,
} from './model-config.js'
import { encodeSafetensors, readSafetensors } from './safetensors.js'
import { type ByteSource, readExactly, sha256Of, sourceOf } from './source.js'

export const CONFIG = 'config.json'
const PARAMETERS = 'model.safetensors'
const VOCAB = 'vocab.json'

/**
 * The files of a saved model, in the order in which they are written: the configuration holds the checksums of the
 * others.
 */
export const modelFiles: readonly ModelFile[] = [PARAMETERS, VOCAB, CONFIG]
/** The name of one of the files of a saved model. */
export type ModelFile = 'model.safetensors' | 'vocab.json' | 'config.json'

/** The most bytes that a text file may have to be read. */
export const mostBytes = { [CONFIG]: 2 ** 20, [VOCAB]: 2 ** 28 }

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
export async function decodeModel(
  files: Readonly<Record<string, Uint8Array | ByteSource>>,
  where = '',
): Promise<LoadedModel> {
  checkString('decodeModel', 'where', where)
  const at = (name: ModelFile) => (where === '' ? name : `${where.replace(/\/+$/, '')}/${name}`)
  const source = (name: ModelFile): ByteSource => {
    const file = Object.hasOwn(Object(files), name) ? files[name] : undefined
    if (file instanceof Uint8Array) return sourceOf(file)
    if (typeof file?.read === 'function' && Number.isSafeInteger(file.size)) return file
    throw new FormatError(
      `${where || 'decodeModel'}: ${name} is ${file === undefined ? 'missing' : describe(file)}, expected the bytes of ${CONFIG}, ${PARAMETERS} and ${VOCAB} of a saved model`,
    )
  }
  const text = (name: keyof typeof mostBytes) => readText(source(name), mostBytes[name], at(name))
  const config = await text(CONFIG)
  // A wrong configuration is reported before a large file is read.
  parseConfig(config, at(CONFIG))
  const texts = { config, vocab: await text(VOCAB) }
  const { tensors } = await readSafetensors(source(PARAMETERS), at(PARAMETERS))
  const { config: checked, vocab } = checkModel(
    { ...texts, parameters: tensors },
    { config: at(CONFIG), vocab: at(VOCAB), parameters: at(PARAMETERS) },
  )
  if (vocab.kind === 'bpe') await loadBytePairs()
  for (const name of [VOCAB, PARAMETERS] as const) {
    const expected = checked.sha256?.[name]
    if (expected === undefined || (await isOf(expected, source(name), at(name)))) continue
    throw new FormatError(
      `${at(name)}: the file is not the one that was saved (its SHA-256 differs); if you replaced it on purpose, remove sha256 from ${CONFIG}`,
    )
  }
  return { model: modelWith(checked, tensors, at(PARAMETERS)), vocab, config: checked }
}

async function readText(source: ByteSource, limit: number, where: string): Promise<string> {
  if (source.size > limit) {
    throw new FormatError(`${where}: the file has ${source.size} bytes, expected at most ${limit}`)
  }
  return new TextDecoder().decode(await readExactly(source, 0, source.size, where))
}

/** Whether a file has this checksum, possibly without the byte order mark that some editors add to a text. */
async function isOf(sum: string, source: ByteSource, where: string): Promise<boolean> {
  if (sum === (await sha256Of(source, where))) return true
  const [a, b, c] = await source.read(0, 3)
  const marked = a === 0xef && b === 0xbb && c === 0xbf
  return marked && sum === (await sha256Of(source, where, 3))
}

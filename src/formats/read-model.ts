import { checkString } from '../core/check.js'
import { describe } from '../core/describe.js'
import { FormatError } from '../core/errors.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import type { Vocab } from '../data/vocab.js'
import { checkModel, type ModelConfig, parseConfig } from './model-config.js'
import { readSafetensors, type TensorValues } from './safetensors.js'
import { type ByteSource, readExactly, sha256Of, sourceOf } from './source.js'

export const CONFIG = 'config.json'
export const PARAMETERS = 'model.safetensors'
export const VOCAB = 'vocab.json'

/**
 * The files of a saved model, in the order in which they are written: the configuration holds the checksums of the
 * others.
 */
export const modelFiles: readonly ModelFile[] = [PARAMETERS, VOCAB, CONFIG]
/** The name of one of the files of a saved model. */
export type ModelFile = 'model.safetensors' | 'vocab.json' | 'config.json'
/** The files of a saved model by name: their bytes, or for files of any size an object that reads them part by part. */
export type ModelFiles = Readonly<Record<string, Uint8Array | ByteSource | undefined>>

/** The most bytes that a text file may have to be read. */
export const mostBytes = { [CONFIG]: 2 ** 20, [VOCAB]: 2 ** 28 }

/** The checked content of a saved model's files. */
export interface ReadModel {
  config: ModelConfig
  vocab: Vocab
  parameters: Readonly<Record<string, TensorValues>>
  /** The place of the parameters, for messages. */
  at: string
}

/**
 * Reads and checks the files of a saved model.
 * @param where the place of the files, for messages
 * @throws FormatError if a file is missing, damaged, forged, or of a newer version; DataError if its tokens need a
 *   package that is not installed
 */
export async function readModelFiles(files: ModelFiles, where: string): Promise<ReadModel> {
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
  const text = (name: keyof typeof mostBytes) => readSmallText(source(name), mostBytes[name], at(name))
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
  return { config: checked, vocab, parameters: tensors, at: at(PARAMETERS) }
}

async function readSmallText(source: ByteSource, limit: number, where: string): Promise<string> {
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

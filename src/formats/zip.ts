import { FormatError } from '../core/errors.js'
import type { Vocab } from '../data/vocab.js'
import type { RNNModel } from '../nn/model.js'
import type { TrainingRecord } from './model-config.js'
import { decodeModel, encodeModel, type LoadedModel, type ModelFile, modelFiles } from './saved-model.js'
import { type UnzipFileInfo, unzipSync, zipSync } from './zip-library.js'

/** Bytes beyond which a zip's files are not unpacked: as many as the largest array holds. */
const MOST_BYTES = 2 ** 31

/** Whether bytes begin as those of a zip do. */
export const isZip = ([a, b, c, d]: Uint8Array): boolean => a === 0x50 && b === 0x4b && c === 3 && d === 4

/**
 * A model as one zip of the files that `encodeModel` makes, for a download or a place that holds single files.
 * @param training how the model was trained, for people to read
 * @throws as `encodeModel` does
 */
export async function zipModel(model: RNNModel, vocab: Vocab, training?: TrainingRecord): Promise<Uint8Array> {
  return zipFiles(await encodeModel(model, vocab, training))
}

/** Files by name as one zip. */
export function zipFiles(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  // Parameters look random, so that packing them would take time and save little.
  return zipSync({ ...files }, { level: 0 })
}

/**
 * The model of a zip that `zipModel` made, or of a zipped folder of a saved model: the files may lie in one folder.
 * @param where the name of the zip, for messages
 * @throws FormatError for what is no zip, a damaged one, or one without the files of a saved model
 */
export async function unzipModel(bytes: Uint8Array, where = 'unzipModel'): Promise<LoadedModel> {
  return decodeModel(unzipFiles(bytes, where), where)
}

/**
 * The files of a saved model in a zip.
 * @param where the name of the zip, for messages
 * @throws FormatError for what is no zip, or a damaged one
 */
export function unzipFiles(bytes: Uint8Array, where: string): Partial<Record<ModelFile, Uint8Array>> {
  if (!(bytes instanceof Uint8Array) || !isZip(bytes)) {
    throw new FormatError(`${where}: it is no zip, expected one of a saved model, as zipModel makes it`)
  }
  const seen = new Map<string, string>()
  const wanted = ({ name, originalSize }: UnzipFileInfo): boolean => {
    const file = name.slice(name.lastIndexOf('/') + 1)
    // macOS puts files of the same names into a folder of its own.
    if (!modelFiles.some((known) => known === file) || name.startsWith('__MACOSX/')) return false
    if (seen.has(file)) throw new FormatError(`${where}: it has ${seen.get(file)} and ${name}, expected one ${file}`)
    if (originalSize > MOST_BYTES) {
      throw new FormatError(`${where}: ${name} has ${originalSize} bytes, expected at most ${MOST_BYTES}`)
    }
    seen.set(file, name)
    return true
  }
  let files: Record<string, Uint8Array>
  try {
    files = unzipSync(bytes, { filter: wanted })
  } catch (error) {
    if (error instanceof FormatError) throw error
    throw new FormatError(`${where}: the zip is damaged or of a kind that cannot be read (${(error as Error).message})`)
  }
  const named = [...seen].map(([file, name]) => [file, files[name]])
  return Object.fromEntries(named)
}

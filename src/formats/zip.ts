import { FormatError } from '../core/errors.js'
import type { Intervals } from '../data/series/intervals.js'
import type { SeriesSpec } from '../data/series/series-data.js'
import type { Vocab } from '../data/vocab.js'
import type { RNNModel } from '../nn/model.js'
import type { SeriesModel } from '../nn/series-model.js'
import { isZip } from './file-kind.js'
import type { TrainingRecord } from './model-config.js'
import { modelFiles } from './read-model.js'
import { decodeModel, encodeModel, type LoadedModel } from './saved-model.js'
import { encodeForecaster } from './series-config.js'
import { type UnzipFileInfo, unzipSync, zipSync } from './zip-library.js'

/** The most bytes that a file in a zip may have to be unpacked: the size of the largest array. */
const MOST_BYTES = 2 ** 31

/**
 * Packs the files that `encodeModel` makes into one zip, for a download or for a place that holds single files.
 * @param training how the model was trained, for people to read
 * @throws the errors of `encodeModel`
 */
export async function zipModel(model: RNNModel, vocab: Vocab, training?: TrainingRecord): Promise<Uint8Array> {
  return zipFiles(await encodeModel(model, vocab, training))
}

/**
 * Packs the files that `saveForecaster` writes into one zip, for a download: unpacked, it is a folder for `loadForecaster`.
 * @param training how the model was trained, for people to read
 * @throws DataError for a model that could not be loaded again
 */
export async function zipForecaster(
  forecaster: { model: SeriesModel; spec: SeriesSpec; intervals?: Intervals },
  training?: TrainingRecord,
): Promise<Uint8Array> {
  return zipFiles(await encodeForecaster('zipForecaster', { ...forecaster, training }))
}

/** Packs named files into one zip. */
export function zipFiles(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  // Parameters look random, so compressing them would take time and save little.
  return zipSync({ ...files }, { level: 0 })
}

/**
 * Loads the model in a zip from `zipModel`, or in a zipped folder of a saved model: the files may be in a folder.
 * @param where the name of the zip, for messages
 * @throws FormatError for anything but a zip, for a damaged one, or for one without the files of a saved model
 */
export async function unzipModel(bytes: Uint8Array, where = 'unzipModel'): Promise<LoadedModel> {
  return decodeModel(unzipFiles(bytes, where, modelFiles), where)
}

/**
 * Files in a zip, such as those of a saved model, in any folder.
 * @param where the name of the zip, for messages
 * @param names the names of the files that are wanted
 * @throws FormatError for anything but a zip, or for a damaged one
 */
export function unzipFiles<Name extends string>(
  bytes: Uint8Array,
  where: string,
  names: readonly Name[],
): Partial<Record<Name, Uint8Array>> {
  if (!(bytes instanceof Uint8Array) || !isZip(bytes)) {
    throw new FormatError(`${where}: it is not a zip, expected one of a saved model, such as zipModel makes`)
  }
  const seen = new Map<string, string>()
  const wanted = ({ name, originalSize }: UnzipFileInfo): boolean => {
    const file = name.slice(name.lastIndexOf('/') + 1)
    // macOS adds a folder __MACOSX with files of the same names.
    if (!names.some((known) => known === file) || name.startsWith('__MACOSX/')) return false
    if (seen.has(file))
      throw new FormatError(`${where}: it has ${seen.get(file)} and ${name}, expected only one ${file}`)
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
  return Object.fromEntries(named) as Partial<Record<Name, Uint8Array>>
}

import { DataError, UnrolledError } from '../core/errors.js'
import { Turns } from '../core/turn.js'
import { buildModel } from '../formats/model-of.js'
import { modelFiles } from '../formats/read-model.js'
import { decodeModel, type LoadedModel } from '../formats/saved-model.js'
import type { ByteSource } from '../formats/source.js'
import { tensorsUnder } from '../train/progress.js'
import { storedCheckpoint } from './checkpoint.js'
import { BEST, CHECKPOINT, checkStore, type RunStore } from './store.js'

/** The files of the model that a run, or an earlier run in the same store, has saved. Missing files are left out. */
export async function savedFiles(store: RunStore): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {}
  const whole = (file: ByteSource) => file.read(0, file.size)
  for (const name of modelFiles) {
    const bytes = await store.read(name, whole)
    if (bytes) files[name] = bytes
  }
  return files
}

/**
 * The model of a run: the best so far while it is in progress, otherwise the saved one, otherwise that of its last
 * checkpoint.
 * @throws DataError if the store has no model; FormatError for a damaged one
 */
export async function runModel(store: RunStore): Promise<LoadedModel> {
  checkStore('runModel', store)
  for (let attempts = 5; ; attempts--) {
    try {
      return await readModel(store)
    } catch (error) {
      // A run that is saving can replace files between two reads; another attempt finds the new ones.
      if (attempts === 1 || !(error instanceof UnrolledError)) throw error
      await new Turns().give()
    }
  }
}

async function readModel(store: RunStore): Promise<LoadedModel> {
  const names = await store.names()
  if (names.includes(BEST)) return fromCheckpoint(store, BEST)
  if (names.includes('config.json')) return decodeModel(await savedFiles(store), store.name)
  if (names.includes(CHECKPOINT)) return fromCheckpoint(store, CHECKPOINT)
  throw new DataError(
    `${store.name}: there is no model here, expected a store in which a run has saved a checkpoint or a model`,
  )
}

async function fromCheckpoint(store: RunStore, name: string): Promise<LoadedModel> {
  const where = `${store.name}/${name}`
  const { config, vocab, tensors } = await storedCheckpoint(store, name)
  return { model: buildModel(config, tensorsUnder('model', tensors), where), vocab, config }
}

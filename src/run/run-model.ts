import { DataError, UnrolledError } from '../core/errors.js'
import { Turns } from '../core/turn.js'
import { buildModel } from '../formats/model-of.js'
import { CONFIG, modelFiles } from '../formats/read-model.js'
import { decodeModel, type LoadedModel } from '../formats/saved-model.js'
import { decodeForecaster, type SeriesFiles } from '../formats/series-config.js'
import type { ByteSource } from '../formats/source.js'
import type { Forecaster } from '../train/forecast.js'
import { tensorsUnder } from '../train/progress.js'
import { storedCheckpoint, unsealed } from './checkpoint.js'
import { seriesKind } from './series-kind.js'
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
export const runModel = (store: RunStore): Promise<LoadedModel> =>
  inAnyFile('runModel', store, {
    saved: decodeModel,
    async checkpoint(name, where) {
      const { config, vocab, tensors } = await storedCheckpoint(store, name)
      return { model: buildModel(config, tensorsUnder('model', tensors), where), vocab, config }
    },
  })

/**
 * The model of a run on series, as `runModel` finds that of a run on a text. Before the run has ended or was stopped, its
 * intervals are missing; `intervalsOf` makes them of its data.
 * @throws the errors of `runModel`
 */
export const runForecaster = (store: RunStore): Promise<Forecaster> =>
  inAnyFile('runForecaster', store, {
    saved: (files, where) => decodeForecaster(files as SeriesFiles, where),
    async checkpoint(name, where) {
      const read = await store.read(name, (file) =>
        unsealed(file, where, [seriesKind.format], 'of a training on series of numbers'),
      )
      if (!read) throw new DataError(`${where}: there is no such file, expected the checkpoint of a training`)
      const { config } = seriesKind.parse(read.metadata, where)
      const model = seriesKind.modelWith(config, tensorsUnder('model', read.tensors), where)
      return { model, spec: config.spec, training: config.training }
    },
  })

/** How a model is read of the files of a saved one, and of a checkpoint. */
interface Reading<T> {
  saved(files: Record<string, Uint8Array>, where: string): Promise<T>
  checkpoint(name: string, where: string): Promise<T>
}

async function inAnyFile<T>(where: string, store: RunStore, reading: Reading<T>): Promise<T> {
  checkStore(where, store)
  for (let attempts = 5; ; attempts--) {
    try {
      const names = await store.names()
      if (!names.includes(BEST) && names.includes(CONFIG))
        return await reading.saved(await savedFiles(store), store.name)
      const checkpoint = [BEST, CHECKPOINT].find((name) => names.includes(name))
      if (checkpoint) return await reading.checkpoint(checkpoint, `${store.name}/${checkpoint}`)
      throw new DataError(
        `${store.name}: there is no model here, expected a store in which a run has saved a checkpoint or a model`,
      )
    } catch (error) {
      // A run that is saving can replace files between two reads; another attempt finds the new ones.
      if (attempts === 1 || !(error instanceof UnrolledError)) throw error
      await new Turns().give()
    }
  }
}

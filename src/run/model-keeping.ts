import type { Vocab } from '../data/vocab.js'
import type { TrainingRecord } from '../formats/model-config.js'
import { buildModel, configOf } from '../formats/model-of.js'
import type { ModelFile } from '../formats/read-model.js'
import { decodeModel, encodeModel } from '../formats/saved-model.js'
import type { ByteSource } from '../formats/source.js'
import type { RNNModel } from '../nn/model.js'
import type { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { type TrainingProgress, tensorsUnder } from '../train/progress.js'
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.js'
import type { RunRecord } from './record.js'

/** A model in the middle of its training, besides its configuration. */
export interface KeptState {
  /** Named `model.…`; a training that can be resumed also has `optimizer.…` and `state.…`. */
  tensors: Record<string, Tensor>
  progress?: TrainingProgress
  run?: RunRecord
}

/** A model as it was kept. */
export interface KeptModel<M extends Module> {
  model: M
  training: TrainingRecord | undefined
}

/** How the models of a run are written and read: each kind of model has files of its own. */
export interface ModelKeeping<M extends Module> {
  /** The bytes of a checkpoint. @throws DataError for a model that could not be loaded again */
  checkpoint(where: string, state: KeptState, trained: TrainingRecord): Promise<Uint8Array>
  /** The model of such a checkpoint. @throws FormatError for a damaged one */
  modelIn(file: ByteSource, where: string): Promise<KeptModel<M>>
  /** The files of a saved model. @throws DataError for a model that could not be loaded again */
  files(where: string, model: M, trained: TrainingRecord): Promise<Partial<Record<ModelFile, Uint8Array>>>
  /** The model of such files. @throws FormatError for damaged or missing ones */
  saved(files: Readonly<Record<string, Uint8Array>>, where: string): Promise<KeptModel<M>>
}

/** How language models are kept. */
export const languageKeeping = (model: RNNModel, vocab: Vocab): ModelKeeping<RNNModel> => ({
  checkpoint: (where, state, trained) => encodeCheckpoint({ config: configOf(model, trained), vocab, ...state }, where),
  async modelIn(file, where) {
    const { config, tensors } = await decodeCheckpoint(file, where)
    return { model: buildModel(config, tensorsUnder('model', tensors), where), training: config.training }
  },
  files: (_where, chosen, trained) => encodeModel(chosen, vocab, trained),
  async saved(files, where) {
    const { model, config } = await decodeModel(files, where)
    return { model, training: config.training }
  },
})

import type { Module } from '../nn/module.js'
import { inMemoryOf } from '../tensor/saved-tensors.js'
import { checkNumbers, tensorsUnder } from '../train/progress.js'
import { sealed, unsealed } from './checkpoint.js'
import type { ModelKeeping } from './model-keeping.js'
import type { TableConfig, TableKind } from './table-kind.js'

/** How the models of a run on a table are kept: as those of a run on a text, with a configuration of their own. */
export function tableKeeping<M extends Module, L extends K, K, C extends TableConfig>(
  kind: TableKind<M, L, K, C>,
  data: L,
  model: M,
): ModelKeeping<M> {
  return {
    async checkpoint(where, state, trained) {
      const tensors = await inMemoryOf(state.tensors)
      const config = kind.configOf(model, data, trained)
      // What could not be loaded again is not saved.
      kind.modelWith(config, tensorsUnder('model', tensors), where)
      checkNumbers(where, tensors)
      const { progress, run } = state
      return sealed(tensors, {
        ...{ format: kind.format, config: JSON.stringify(config), ...kind.metadata(data) },
        ...(progress && { progress: JSON.stringify(progress) }),
        ...(run && { run: JSON.stringify(run) }),
      })
    },
    async modelIn(file, where) {
      const { tensors, metadata } = await unsealed(file, where, [kind.format])
      const { config } = kind.parse(metadata, where)
      return { model: kind.modelWith(config, tensorsUnder('model', tensors), where), training: config.training }
    },
    files: (where, chosen, trained) => kind.files(where, chosen, data, trained),
    async saved(files, where) {
      const { model, config } = await kind.decode(files, where)
      return { model, training: config.training }
    },
  }
}

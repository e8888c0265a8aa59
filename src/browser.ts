/*
 * The entry `unrolled/browser`: what a page needs in addition to `unrolled` itself: a trainer in a worker; models from
 * addresses, files and the browser's own file system; and texts that were chosen or dropped.
 */
export type { RunFacts, SeriesReading, SeriesTrainerFacts, TrainerFacts } from './browser/messages.js'
export { type FetchOptions, loadModel, savedModels } from './browser/models.js'
export { OpfsStore, savedRuns } from './browser/opfs-store.js'
export { RunTrainer, type RunTrainerSetup } from './browser/run-trainer.js'
export { SeriesTrainer, type SeriesTrainerSetup } from './browser/series-trainer.js'
export {
  type DecodeOptions,
  type DroppedFile,
  droppedFiles,
  droppedTexts,
  type NamedText,
  textOf,
} from './browser/texts.js'
export { Trainer, type TrainerPredictOptions, type TrainerSetup } from './browser/trainer.js'
export * from './index.js'

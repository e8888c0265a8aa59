export * from './index.js'
export { type WritableFile, writeFileAtomic } from './node/atomic.js'
export { loadCheckpoint, saveCheckpoint } from './node/checkpoint.js'
export type { DownloadProgress } from './node/download.js'
export { FileCorpus } from './node/file-corpus.js'
export { FolderStore } from './node/folder-store.js'
export { isForecaster, loadForecaster, saveForecaster } from './node/forecaster-folder.js'
export { type OpenForeignFile, openForeign } from './node/foreign-file.js'
export { type HistoryOptions, HistoryWriter, readHistory } from './node/history.js'
export { isLabeller, loadLabeller, saveLabeller } from './node/labeller-folder.js'
export { type Band, type LinePlot, linePlot, type Series, svgToPng } from './node/line-plot.js'
export { type CorpusOptions, type CorpusProgress, type LoadedCorpus, loadCorpus } from './node/load-corpus.js'
export { labelFile, loadLabels, loadLabelsFor, loadTable } from './node/load-labels.js'
export { loadSeries, loadSeriesFor, seriesFile } from './node/load-series.js'
export { type LoadTextOptions, loadText } from './node/load-text.js'
export { checkModelFolder, loadModel, saveModel } from './node/model-folder.js'
export { type Panel, type PanelsPlot, panelsPlot } from './node/panels-plot.js'
export { readPlan } from './node/read-plan.js'
export { readText } from './node/read-text.js'
export { openSources, type SourceFile, type Sources } from './node/sources.js'
export { loadStateDict, saveStateDict } from './node/state-dict.js'
export type { ReadingOptions } from './node/table-text.js'
export { countedKinds, type TextFacts, textFacts } from './node/text-facts.js'
export { type BookSource, fileTexts, MOBY_DICK, mobyDickText, timeMachineText } from './node/text-source.js'
export {
  type FindOptions,
  type FoundText,
  findTimeMachine,
  type LoadedBook,
  loadTimeMachine,
  type TimeMachineOptions,
} from './node/time-machine.js'
export { writeExport } from './node/write-export.js'
export { checkTrials, checkTrialsOn } from './run/sweep/check-trials.js'
export { epochsUntil, promoted, ranking, rungsOf, type TrialResult, trialLoss } from './run/sweep/halving.js'
export { importanceOf } from './run/sweep/importance.js'
export {
  type Halving,
  parsePlan,
  planned,
  type SweepPlan,
  type SweepRange,
  type SweepValue,
  type Trial,
  trialsOf,
} from './run/sweep/plan.js'
export { type StudioOptions, type StudioServer, serveStudio } from './server/studio.js'

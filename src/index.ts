export type { RandomKey } from './core/counter-random.js'
export * from './core/errors.js'
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from './core/random.js'
export type { Shape } from './core/shape.js'
export { loadBytePairs } from './data/byte-pairs.js'
export { csvText } from './data/csv-text.js'
export {
  type LabelledBatch,
  LabelledData,
  type LabelledDataOptions,
  type LabelledSequence,
} from './data/labels/labelled-data.js'
export {
  type KnownLabels,
  type LabelledText,
  type LabelledTextsOptions,
  type LabelSpec,
  type LoadedLabels,
  labelledTexts,
  type ReadSpec,
} from './data/labels/labelled-texts.js'
export { type LabelMetrics, type LabelScores, labelMetrics } from './data/labels/metrics.js'
export { type ReadLabelsOptions, readLabels, readLabelsFor } from './data/labels/read-labels.js'
export { BOOK_TOKENS, type EncodeOptions, type LoadedText, type LoadOptions, sequencesFromText } from './data/load.js'
export { type Baseline, type BaselineOptions, NgramModel, ngramBaselines } from './data/ngram.js'
export { tokensOf } from './data/pieces.js'
export { type Batch, type Corpus, type Sampling, SequenceData, type SequenceOptions } from './data/sequences.js'
export { type SeriesBaseline, seriesBaselines } from './data/series/baselines.js'
export { type CalendarName, calendarNames } from './data/series/calendar.js'
export { type SeriesColumn, seriesColumns } from './data/series/columns.js'
export { conformalWidth, type Intervals } from './data/series/intervals.js'
export { type LoadSeriesOptions, readSeries, readSeriesFor } from './data/series/load-series.js'
export { type ForecastErrors, forecastErrors, maseScale } from './data/series/metrics.js'
export type { NumberSeries, ReadSeriesOptions, SeriesTable } from './data/series/read-series.js'
export {
  type Origin,
  type Scale,
  type SeriesBatch,
  SeriesData,
  type SeriesPart,
  type SeriesSpec,
  type WindowOptions,
} from './data/series/series-data.js'
export { columnOf, type Delimiter, type Table, type TableRow } from './data/series/table.js'
export { formatTime, stepText, type TimeStep } from './data/series/times.js'
export { type SplitCorpus, type SplitOptions, splitCorpus } from './data/split.js'
export { cleanLines, type TextChanges, type TextOptions, type TokenKind } from './data/text.js'
export { type TextStream, Vocab, type VocabOptions } from './data/vocab.js'
export type { CellKind, LayerKind, MinimalKind } from './device/cells.js'
export type {
  BinaryOp,
  Device,
  FloatArray,
  Kernels,
  Learning,
  MatmulSizes,
  Minimal,
  MinimalSizes,
  MinimalWalk,
  Normalized,
  OutputWeights,
  ParameterUpdate,
  RecurrentGrads,
  RecurrentInput,
  RecurrentOutput,
  RecurrentOutputGrads,
  RecurrentSizes,
  RecurrentTape,
  RecurrentWeights,
  Stack,
  Stepper,
  StepState,
  Storage,
  UnaryOp,
  View,
} from './device/device.js'
export type { AdamUpdate, RMSpropUpdate, SGDUpdate, Update } from './device/update.js'
export type { ModelConfig, TrainingRecord } from './formats/model-config.js'
export type { ModelFile, ModelFiles } from './formats/read-model.js'
export { decodeModel, encodeModel, type LoadedModel } from './formats/saved-model.js'
export { decodeForecaster, type SavedForecaster, type SeriesFiles } from './formats/series-config.js'
export type { ByteSource } from './formats/source.js'
export { decodeStateDict, encodeStateDict } from './formats/state-dict.js'
export { unzipModel, zipForecaster, zipModel } from './formats/zip.js'
export { Batcher, type BatcherOptions } from './generate/batcher.js'
export { type BeamSearchOptions, beamSearch, bestSoFar, type Hypothesis } from './generate/beam.js'
export type { GenerateOptions } from './generate/continuations.js'
export type { MadeToken } from './generate/continued-text.js'
export {
  type GenerateAllOptions,
  generate,
  generateAll,
  generateTokens,
  type PredictOptions,
  predict,
  predictAll,
} from './generate/generate.js'
export { type Prefix, prefixOf } from './generate/prefix.js'
export type { SamplingOptions } from './generate/sample.js'
export type { TokenModel } from './generate/token-model.js'
export { defaultDevice, setDefaultDevice } from './kernels/devices.js'
export {
  blasKernels,
  type KernelName,
  kernelNames,
  kernels,
  referenceKernels,
  selectKernels,
  type ThreadOptions,
  useKernels,
  wasmKernels,
} from './kernels/index.js'
export { type DeviceName, deviceNames, type GpuOptions, selectDevice, tryGpu } from './kernels/try-gpu.js'
export type { Simd } from './kernels/wasm/exports.js'
export { RecurrentCell, type RecurrentCellOptions } from './nn/cell.js'
export { Dropout, type DropoutKind, type DropoutOptions } from './nn/dropout.js'
export { Embedding, type EmbeddingOptions } from './nn/embedding.js'
export { GRU, GRUCell, type GRUCellOptions, type GRUOptions } from './nn/gru.js'
export { constant, type Initializer, initialize, normal, uniform } from './nn/init.js'
export { LabelModel, type LabelModelOptions } from './nn/label-model.js'
export { LayerNorm, type LayerNormOptions } from './nn/layer-norm.js'
export { Linear, type LinearOptions } from './nn/linear.js'
export { LSTM, LSTMCell, type LSTMOptions } from './nn/lstm.js'
export { MinGRU, type MinimalOptions, MinLSTM } from './nn/minimal.js'
export { RNNModel, type RNNModelOptions } from './nn/model.js'
export { Module } from './nn/module.js'
export { Parameter, registerBuffer } from './nn/parameter.js'
export { RecurrentLayer, type RecurrentOptions } from './nn/recurrent.js'
export { detachState, type LSTMState, type RecurrentState, type StateParts } from './nn/recurrent-state.js'
export { type Nonlinearity, RNN, RNNCell, type RNNCellOptions, type RNNOptions } from './nn/rnn.js'
export { type Pooling, SequenceClassifier, type SequenceClassifierOptions } from './nn/sequence-classifier.js'
export { SequenceTagger } from './nn/sequence-tagger.js'
export { type ForwardOptions, type Lengths, type PackOptions, packSequences, unpackSequences } from './nn/sequences.js'
export { SeriesModel, type SeriesModelSizes } from './nn/series-model.js'
export { Adam, type AdamOptions, AdamW } from './optim/adam.js'
export { clipGradNorm, clipGradValue } from './optim/clip.js'
export {
  type GroupOptions,
  Optimizer,
  type OptimizerParameters,
  type OptimizerState,
  type ParameterGroup,
} from './optim/optimizer.js'
export { RMSprop, type RMSpropOptions } from './optim/rmsprop.js'
export {
  CosineLR,
  type CosineLROptions,
  FixedLR,
  type PlateauOptions,
  ReduceLROnPlateau,
  type Schedule,
  StepLR,
  type StepLROptions,
} from './optim/schedules.js'
export { SGD, type SGDOptions } from './optim/sgd.js'
export { BaseRun } from './run/base-run.js'
export { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './run/checkpoint.js'
export { type Curve, type CurveOptions, curvesOf, type PlottedRun, type TimedEvent } from './run/curves.js'
export { type Advice, ExplodedError } from './run/explosion.js'
export { EventWriter, type HistoryEvent, parseHistory, type ResumeEvent } from './run/history.js'
export { UnsavedModelError } from './run/keeper.js'
export { MemoryStore } from './run/memory-store.js'
export { type RunSetup, refuseUnfinished } from './run/prepare.js'
export type { RecordedOptions, RunRecord } from './run/record.js'
export { resumeRun } from './run/resume.js'
export { Run } from './run/run.js'
export type { BrokenEvent, DoneEvent, RunEvent, SampleEvent, TrainedEvent, WarningEvent } from './run/run-events.js'
export { runForecaster, runModel } from './run/run-model.js'
export type { RunOptions } from './run/run-options.js'
export {
  type EncodedText,
  fingerprintOf,
  type RunText,
  type TextHow,
  type TextSource,
  textSource,
} from './run/run-text.js'
export { runToEnd } from './run/run-to-end.js'
export type { RunTraining } from './run/run-training.js'
export { maxTokensOf, type SavedText, savedText } from './run/saved-text.js'
export type { KnownSeries } from './run/series-kind.js'
export { startRun } from './run/start.js'
export {
  BEST,
  CHECKPOINT,
  HISTORY,
  type MachineNotes,
  type RecordFile,
  type Reporter,
  type RunStore,
} from './run/store.js'
export { type Summary, summaryOf } from './run/summary.js'
export type { BatchOptions, TableSource } from './run/table-kind.js'
export { TableRun, type TableSetup } from './run/table-run.js'
export {
  type LabelRun,
  labelSource,
  resumeLabelRun,
  resumeSeriesRun,
  runKindIn,
  type SeriesRun,
  seriesSource,
  startLabelRun,
  startSeriesRun,
  type TableText,
} from './run/table-runs.js'
export type { NestedValues, NumberArray, TensorData } from './tensor/arrays.js'
export { isGradEnabled, noGrad } from './tensor/autograd.js'
export { arange, fromData, full, ones, rand, randn, type TensorOptions, tensor, zeros } from './tensor/create.js'
export { concatenate, layerNorm, linear, oneHot, split, stack } from './tensor/functions.js'
export {
  type CrossEntropyOptions,
  crossEntropy,
  type MSELossOptions,
  mseLoss,
  type Reduction,
} from './tensor/losses.js'
export type { DType, Placed } from './tensor/placed.js'
export type { LinearHead } from './tensor/recurrent.js'
export type { SavedTensor } from './tensor/saved-tensors.js'
export { type NestedNumbers, type ReduceOptions, Tensor } from './tensor/tensor.js'
export { type Calibration, calibrate, LARGEST_TEMPERATURE } from './train/calibrate.js'
export type { CosineTrainingOptions } from './train/cosine-training.js'
export { type EvaluateOptions, type Evaluation, evaluate, evaluateCorpus } from './train/evaluate.js'
export { type EvaluateSeriesOptions, evaluateSeries, type SeriesEvaluation } from './train/evaluate-series.js'
export { extendVocab } from './train/extend-vocab.js'
export {
  type Forecaster,
  type ForecastOptions,
  type ForecastValue,
  forecast,
  forecastFrom,
  intervalsOf,
} from './train/forecast.js'
export { type ForecastRow, forecastCsv } from './train/forecast-csv.js'
export { type Forecasting, forecasting } from './train/forecasting.js'
export {
  type Classified,
  type ClassifyOptions,
  classify,
  evaluateLabels,
  type LabelEvaluation,
  type Labeller,
  tag,
} from './train/labeller.js'
export { type Labelling, labelling } from './train/labelling.js'
export { type LanguageModeling, languageModeling } from './train/language.js'
export type { BatchLoss, Carrying, Objective, TrainingData } from './train/objective.js'
export type { TrainingProgress, TrainingState } from './train/progress.js'
export { trainSteps } from './train/steps.js'
export { type TrainOptions, type TrainResult, train } from './train/train.js'
export { labelTraining, trainLabels } from './train/train-labels.js'
export { type TrainSeriesOptions, trainSeries } from './train/train-series.js'
export { type Ending, Training } from './train/training.js'
export type { EpochEvent, StepEvent, TrainEvent, ValidationEvent } from './train/training-events.js'
export type { ObjectiveOptions, TrainStepsOptions, ValidationOptions } from './train/training-options.js'

export * from './core/errors.js'
export { defaultGenerator, Generator, manualSeed } from './core/random.js'
export { type LoadedText, type LoadOptions, sequencesFromText } from './data/load.js'
export { type Batch, type Corpus, type Sampling, SequenceData, type SequenceOptions } from './data/sequences.js'
export { cleanLines, type TokenKind, tokensOf } from './data/text.js'
export { Vocab, type VocabOptions } from './data/vocab.js'
export { type BeamSearchOptions, beamSearch, type Hypothesis } from './generate/beam.js'
export type { GenerateOptions, MadeToken } from './generate/continuations.js'
export {
  type GenerateAllOptions,
  generate,
  generateAll,
  generateTokens,
  type PredictOptions,
  predict,
  predictAll,
} from './generate/generate.js'
export type { SamplingOptions } from './generate/sample.js'
export {
  blasKernels,
  type KernelName,
  kernelNames,
  kernels,
  referenceKernels,
  selectKernels,
  useKernels,
  wasmKernels,
} from './kernels/index.js'
export type { CellKind, FloatArray, Kernels, Stepper } from './kernels/kernels.js'
export { Dropout } from './nn/dropout.js'
export { Embedding, type EmbeddingOptions } from './nn/embedding.js'
export { GRU } from './nn/gru.js'
export { constant, type Initializer, initialize, normal, uniform } from './nn/init.js'
export { Linear, type LinearOptions } from './nn/linear.js'
export { LSTM } from './nn/lstm.js'
export { RNNModel } from './nn/model.js'
export { Module } from './nn/module.js'
export {
  detachState,
  type LSTMState,
  RecurrentLayer,
  type RecurrentOptions,
  type RecurrentState,
} from './nn/recurrent.js'
export { RNN, type RNNOptions } from './nn/rnn.js'
export { Adam, type AdamOptions } from './optim/adam.js'
export { clipGradNorm } from './optim/clip.js'
export { Optimizer } from './optim/optimizer.js'
export { SGD } from './optim/sgd.js'
export { isGradEnabled, noGrad } from './tensor/autograd.js'
export { arange, fromData, full, ones, rand, randn, type TensorOptions, tensor, zeros } from './tensor/create.js'
export { concatenate, crossEntropy, linear, mseLoss, oneHot, split, stack } from './tensor/functions.js'
export { type NestedNumbers, Tensor, type TensorData } from './tensor/tensor.js'
export { type Evaluation, evaluate } from './train/evaluate.js'
export { type EpochEvent, type StepEvent, type TrainEvent, type TrainStepsOptions, trainSteps } from './train/steps.js'
export { type TrainOptions, type TrainResult, train } from './train/train.js'

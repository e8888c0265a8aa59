/*
 * The entry `unrolled/inference`: saved models that generate text token by token, without the code for training.
 */
export * from './core/errors.js'
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from './core/random.js'
export { loadBytePairs } from './data/byte-pairs.js'
export { type TextStream, Vocab, type VocabOptions } from './data/vocab.js'
export type { Stepper, StepState } from './device/device.js'
export {
  decodeInferenceModel as decodeModel,
  type InferenceModel,
  type LoadedInferenceModel as LoadedModel,
} from './formats/inference-model.js'
export type { ModelConfig } from './formats/model-config.js'
export type { ModelFiles } from './formats/read-model.js'
export type { TensorValues } from './formats/safetensors.js'
export type { ByteSource } from './formats/source.js'
export { Batcher, type BatcherOptions } from './generate/batcher.js'
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
export type { SamplingOptions } from './generate/sample.js'
export type { TokenModel } from './generate/token-model.js'
export { kernels, useKernels, wasmKernels } from './kernels/index.js'

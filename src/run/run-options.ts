import { checkNumber, checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { describe } from '../core/describe.js'
import { OptionError } from '../core/errors.js'
import type { Sampling } from '../data/sequences.js'
import { type TokenKind, tokenKinds } from '../data/text.js'
import { cellNames } from '../device/cells.js'
import type { KernelName } from '../kernels/index.js'
import type { DeviceName } from '../kernels/try-gpu.js'

/** All options of a run: its model, its text, its training, and how it is saved. The defaults are the book's. */
export interface RunOptions {
  /** The kind of recurrent layer. Default 'rnn'. */
  cell: (typeof cellNames)[number]
  /** The nonlinearity of an RNN. Default 'tanh'. */
  nonlinearity: 'tanh' | 'relu'
  /** Features of an LSTM's projected hidden state, fewer than its hidden units. Default: no projection. */
  projSize?: number
  /** Whether the gates of an LSTM see its cell state. */
  peepholes?: boolean
  /** Hidden units of each layer. Default 256. */
  hiddenSize: number
  /** Layers on top of each other. Default 1. */
  numLayers: number
  /** Probability of dropout between layers. Default 0. */
  dropout: number
  /** Whether dropout has the same mask at all time steps. */
  variational?: boolean
  /** Probability of dropout of hidden-to-hidden weights. Default 0. */
  weightDropout: number
  /** Probability of dropout of the embedding, or of whole tokens if there is no embedding. Default 0. */
  inputDropout: number
  /** Probability of dropout of the last layer's outputs. Default 0. */
  outputDropout: number
  /** Features of a learned embedding of the tokens. Default: none. */
  embeddingSize?: number
  /** Whether the embedding is also the output's weight. Its size must then be that of the layer's output. */
  tieWeights?: boolean
  /** Whether the cells have layer normalization. */
  layerNorm?: boolean
  /** Refused: a language model must not see the text that it has to predict. */
  bidirectional?: boolean
  /** Sequences in a batch. Default 32. */
  batchSize: number
  /** Tokens in a sequence. Default 35. */
  numSteps: number
  /** How the text is cut into sequences. Default 'sequential'. */
  sampling: Sampling
  /** Only this many tokens are used, from the beginning of the text. */
  maxTokens?: number
  /** What a token is. Default 'char'. */
  tokens: TokenKind
  /** The encoding of text files, such as 'windows-1252'. */
  encoding?: string
  /** Whether the text is cleaned as in the book: only the letters A–Z, in lower case. Default false. */
  clean?: boolean
  /** Whether letters become lower case. */
  lowercase?: boolean
  /** The part of the text, before its end, that is held out while training. Default 0. */
  validation: number
  /** The part at the end of the text that training never sees. Default 0. */
  test: number
  /** Passes over the text. Default 500. */
  epochs: number
  /** The optimizer. Default 'sgd'. */
  optimizer: 'sgd' | 'adam' | 'adamw' | 'rmsprop'
  /** Learning rate. Default: 1 for sgd, 0.001 for adam and adamw, 0.01 for rmsprop. */
  lr?: number
  /** Momentum of sgd and rmsprop. Default 0. */
  momentum: number
  /** Whether the momentum is Nesterov's. */
  nesterov?: boolean
  /** Weight decay, which pulls parameters towards 0. Default: 0.01 for adamw, otherwise 0. */
  weightDecay?: number
  /** Largest norm of all gradients together; Infinity means no clipping. Default 1. */
  clip: number
  /** Largest absolute value of a gradient. Default Infinity. */
  clipValue: number
  /** Batches whose gradients are added up for one step. Default 1. */
  accumulate: number
  /** How the learning rate changes. Default 'constant'. */
  schedule: 'constant' | 'step' | 'cosine' | 'plateau'
  /** Steps until the learning rate reaches its full value, under 'cosine'. Default 0. */
  warmup: number
  /** Steps between two changes, under 'step'. Default 1000. */
  decayEvery: number
  /** Factor of each change, under 'step' and 'plateau'. Default 0.5. */
  decay: number
  /** Validations without a better loss before a change, under 'plateau'. Default 2. */
  plateauPatience: number
  /** Lowest learning rate, under 'cosine' and 'plateau'. Default 0. */
  minLr: number
  /** Steps between two validations. Default: one validation per epoch. */
  validateEvery?: number
  /** The training ends after this many validations without a better loss. Default Infinity. */
  patience: number
  /** The same seed gives the same model. Default 0. */
  seed: number
  /** The kernels to select for the run. Default: those in use. */
  kernels?: KernelName
  /** The number of threads that these kernels use. */
  threads?: number
  /**
   * Where the run computes: 'cpu', 'webgpu', which is also a software adapter, or 'auto', a GPU where there is one that
   * trains the model in less time than the CPU, which a few steps of each tell.
   * Default 'cpu'.
   */
  device?: DeviceName
  /** The name of the saved model that the run began with, for the record. */
  initFrom?: string
  /** Whether a saved model that the run begins with gets new rows for tokens that it does not know. */
  extendVocab?: boolean
  /** Steps between two checkpoints. Default Infinity. */
  checkpointSteps: number
  /** Minutes between two checkpoints. Default 1. */
  checkpointMinutes: number
  /** Whether event files for TensorBoard are written, if the store can. */
  tensorboard?: boolean
}

/** The values of options that are left out. */
export const runDefaults = {
  cell: 'rnn',
  nonlinearity: 'tanh',
  hiddenSize: 256,
  numLayers: 1,
  dropout: 0,
  weightDropout: 0,
  inputDropout: 0,
  outputDropout: 0,
  batchSize: 32,
  numSteps: 35,
  sampling: 'sequential',
  tokens: 'char',
  clean: false,
  validation: 0,
  test: 0,
  epochs: 500,
  optimizer: 'sgd',
  momentum: 0,
  clip: 1,
  clipValue: Infinity,
  accumulate: 1,
  schedule: 'constant',
  warmup: 0,
  decayEvery: 1000,
  decay: 0.5,
  plateauPatience: 2,
  minLr: 0,
  patience: Infinity,
  seed: 0,
  checkpointSteps: Infinity,
  checkpointMinutes: 1,
} as const satisfies Partial<RunOptions>

/** Default learning rates: the book's for SGD, PyTorch's for the others. */
export const defaultRates = { sgd: 1, adam: 0.001, adamw: 0.001, rmsprop: 0.01 }

/** The kind of an option's value: one of several words, a number, a number or Infinity, a string, or a boolean. */
export type RunOptionKind = readonly string[] | 'number' | 'limit' | 'text' | 'flag'

/** The kind of each option's value. */
export const runOptionKinds: Readonly<Record<keyof RunOptions, RunOptionKind>> = {
  cell: cellNames,
  nonlinearity: ['tanh', 'relu'],
  projSize: 'number',
  peepholes: 'flag',
  hiddenSize: 'number',
  numLayers: 'number',
  dropout: 'number',
  variational: 'flag',
  weightDropout: 'number',
  inputDropout: 'number',
  outputDropout: 'number',
  embeddingSize: 'number',
  tieWeights: 'flag',
  layerNorm: 'flag',
  bidirectional: 'flag',
  batchSize: 'number',
  numSteps: 'number',
  sampling: ['sequential', 'random'],
  maxTokens: 'limit',
  tokens: tokenKinds,
  encoding: 'text',
  clean: 'flag',
  lowercase: 'flag',
  validation: 'number',
  test: 'number',
  epochs: 'number',
  optimizer: ['sgd', 'adam', 'adamw', 'rmsprop'],
  lr: 'number',
  momentum: 'number',
  nesterov: 'flag',
  weightDecay: 'number',
  clip: 'limit',
  clipValue: 'limit',
  accumulate: 'number',
  schedule: ['constant', 'step', 'cosine', 'plateau'],
  warmup: 'number',
  decayEvery: 'number',
  decay: 'number',
  plateauPatience: 'number',
  minLr: 'number',
  validateEvery: 'number',
  patience: 'limit',
  seed: 'number',
  kernels: ['auto', 'wasm', 'blas', 'reference'],
  threads: 'number',
  device: ['cpu', 'webgpu', 'auto'],
  initFrom: 'text',
  extendVocab: 'flag',
  checkpointSteps: 'limit',
  checkpointMinutes: 'limit',
  tensorboard: 'flag',
}

const anyOptions = Object.fromEntries(
  Object.keys(runOptionKinds).map((name) => [name, 'any']),
) as unknown as OptionKinds<RunOptions>

/** The names of the options that are given. */
export const givenIn = (options: Partial<RunOptions>): (keyof RunOptions)[] =>
  (Object.keys(options) as (keyof RunOptions)[]).filter((name) => options[name] !== undefined)

/** Those options that are given. */
export const withoutAbsent = (options: Partial<RunOptions>): Partial<RunOptions> =>
  Object.fromEntries(givenIn(options).map((name) => [name, options[name]]))

/** @throws OptionError for an unknown option or one of the wrong kind; ranges are checked where the options are used */
export function checkRunOptions(where: string, options: Partial<RunOptions>): void {
  checkOptions(where, options, anyOptions)
  for (const name of givenIn(options)) {
    const [kind, value] = [runOptionKinds[name], options[name]]
    if (typeof kind !== 'string') checkWord(where, name, value, kind)
    else if (kind === 'flag' && typeof value !== 'boolean') throw wrongKind(where, name, value, 'true or false')
    else if (kind === 'text' && typeof value !== 'string') throw wrongKind(where, name, value, 'a string')
    else if (kind === 'number' || kind === 'limit') {
      const fits = typeof value === 'number' && !Number.isNaN(value)
      if (!fits) throw wrongKind(where, name, value, 'a number')
    }
  }
  for (const name of ['checkpointSteps', 'checkpointMinutes'] as const) {
    const value = options[name]
    if (value !== undefined && value !== Infinity) checkNumber(where, name, value, 0)
  }
}

const wrongKind = (where: string, name: string, value: unknown, expected: string): OptionError =>
  new OptionError(`${where}: ${name} is ${describe(value)}, expected ${expected}`, [name])

/** Options that may change when a run is resumed, and that change its result. */
export const changingOptions: readonly (keyof RunOptions)[] = ['epochs', 'patience', 'lr', 'clip', 'clipValue']

/** All options that may change when a run is resumed; the others stay as they were. */
export const resumableOptions: readonly (keyof RunOptions)[] = [
  ...changingOptions,
  'checkpointSteps',
  'checkpointMinutes',
  'tensorboard',
  'kernels',
  'threads',
  'device',
]

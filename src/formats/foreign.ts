import type { ModelSizes, TrainingRecord } from './model-config.js'
import type { TensorValues } from './safetensors.js'
import type { ByteSource } from './source.js'
import type { TokenList } from './token-list.js'

/** A file of another framework, with the files that it refers to. */
export interface ForeignFile {
  /** The file's name or path, for messages. */
  name: string
  source: ByteSource
  /** Opens a file next to it, such as one with the weights that it names; undefined if there is none. */
  beside?(name: string): Promise<ByteSource | undefined>
}

/** A language model of another framework in this library's terms. */
export interface ForeignModel {
  config: ModelSizes
  /** The parameters under the names of an `RNNModel`. */
  parameters: Record<string, TensorValues>
  /** What was found and what was assumed, a sentence each, for people. */
  found: string[]
  /** The vocabulary, if the file holds one. */
  vocab?: TokenList
  /** How the text was cleaned, if the file says so. */
  training?: TrainingRecord
}

/** What is told of a GRU whose reset gate comes before the product with the weights. */
export const resetBeforeFound =
  'Its GRU resets the state before the product with the weights (resetAfter: false), which runs and trains more slowly than PyTorch’s.'

/** What a user says about a file of another framework. */
export interface ForeignOptions {
  /** The cell, if the file must hold one of this kind. Default: what the shapes of its weights say. */
  cell?: 'rnn' | 'gru' | 'lstm'
  /** The function of an RNN, which weights do not tell. Default 'tanh', or what the file says. */
  nonlinearity?: 'tanh' | 'relu'
  /** Beginnings of names, and what stands in their place, such as `{ 'lstm.': 'rnn.' }`. */
  prefixes?: Readonly<Record<string, string>>
}

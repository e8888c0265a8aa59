// The messages between the page and the worker that looks into a model.
import type { Layers } from './states'

/** What a model of texts reads: a text as it was typed. */
export interface ReadText {
  text: string
}

/** What a model of series reads: a window of a series. */
export interface ReadWindow {
  series: number
  /** How many values of the series are known. Default: all. */
  known: number | undefined
}

/** Which signal of which layer is shown. */
interface Chosen {
  layer: number
  signal: string
}

/** What can be asked about a model. Of each kind, only the latest question counts. */
export interface Questions {
  text: ReadText & Chosen
  window: ReadWindow & Chosen & { target: number }
  gradients: ReadText | ReadWindow
  weights: { layer: number; gate: number }
  spectrum: { layer: number; gate: number }
}

export type Kind = keyof Questions

export interface Answers {
  text: ShownText
  window: ShownWindow
  gradients: Gradients
  weights: ShownWeights
  /** The singular values of the recurrent weights of a gate, from the largest to the smallest. */
  spectrum: number[]
}

/** What one layer holds while a model reads. */
export interface ShownUnits {
  /** What the recurrent layers are. */
  layers: Pick<Layers, 'kind' | 'hiddenSize' | 'numLayers'>
  /** The signals that the layer has, such as its state h. */
  signals: readonly string[]
  /** The one that is shown: that which was asked for, or else h. */
  signal: string
  /** The units in the order of the rows, with the first step of the kind that each reacts to most. */
  rows: readonly { unit: number; step: number }[]
  /** The signal, [row, step]. */
  values: Float32Array
  /** The largest size that a value may have. */
  scale: number
}

/** A text as a model reads it, and what is expected next. */
export interface ShownText extends ShownUnits {
  tokens: readonly string[]
  /** The likeliest tokens after each token. */
  expected: readonly (readonly { token: string; probability: number }[])[]
}

/** A step of a series: a time in milliseconds or the number of a row, the true value if the file has it, and the forecast. */
export interface ShownStep {
  x: number
  truth: number | undefined
  /** Absent for values that are known to the model. */
  forecast?: number
}

/** A window of a series as a model reads it, and what it forecasts after that. */
export interface ShownWindow extends ShownUnits {
  /** All series and targets. */
  series: readonly string[]
  targets: readonly string[]
  /** How many values of the series are known, and the least and the most that may be. */
  known: number
  least: number
  most: number
  /** Whether steps have dates. */
  dated: boolean
  steps: readonly ShownStep[]
}

/** Norms of gradients 1, 2, … steps back, of the model and of two that have learned nothing. */
export interface Gradients {
  own: number[]
  rnn: number[]
  lstm: number[]
}

/** The recurrent weights of a gate, [to, from]. */
export interface ShownWeights {
  values: Float32Array
  /** The largest size of one of them. */
  scale: number
}

/** The model that is looked into: the files of a saved one, or else that of a kept run on series, whose table is read, too. */
export interface Looked {
  files?: Readonly<Record<string, Uint8Array>>
  seriesRun?: string
}

export type ToWorker =
  /** The model that questions from here on are about. */
  { kind: 'model'; model: Looked } | { [K in Kind]: { kind: K; id: number; question: Questions[K] } }[Kind]

export type ToPage =
  | { [K in Kind]: { kind: K; id: number; answer: Answers[K]; error?: undefined } }[Kind]
  | { kind: Kind; id: number; answer?: undefined; error: { message: string } }

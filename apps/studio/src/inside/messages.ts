// The messages between the page and the worker that looks into a model.

/** What can be asked about a model. Of each kind, only the latest question counts. */
export interface Questions {
  /** @param text as it was typed */
  reading: { text: string; layer: number; signal: string }
  gradients: { text: string }
  weights: { layer: number; gate: number }
  spectrum: { layer: number; gate: number }
}

export type Kind = keyof Questions

export interface Answers {
  reading: ShownReading
  gradients: Gradients
  weights: ShownWeights
  /** The singular values of the recurrent weights of a gate, from the largest to the smallest. */
  spectrum: number[]
}

/** A text as a model reads it: what one layer holds, and what is expected next. */
export interface ShownReading {
  tokens: readonly string[]
  /** The signals that the layer has, such as its state h. */
  signals: readonly string[]
  /** The one that is shown: that which was asked for, or else h. */
  signal: string
  /** The units in the order of the rows, with the token that each reacts to most. */
  rows: readonly { unit: number; reactsTo: string }[]
  /** The signal, [row, token]. */
  values: Float32Array
  /** The largest size that a value may have. */
  scale: number
  /** The likeliest tokens after each token. */
  expected: readonly (readonly { token: string; probability: number }[])[]
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

export type ToWorker =
  /** The model that questions from here on are about, as files of `encodeModel`. */
  | { kind: 'model'; files: Record<string, Uint8Array> }
  | { [K in Kind]: { kind: K; id: number; question: Questions[K] } }[Kind]

export type ToPage =
  | { [K in Kind]: { kind: K; id: number; answer: Answers[K]; error?: undefined } }[Kind]
  | { kind: Kind; id: number; answer?: undefined; error: { message: string } }

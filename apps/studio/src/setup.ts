import { signal } from '@preact/signals'
import type { RunOptions } from 'unrolled/config'
import { type NumberRange, numberOf } from './number-field'

/** What a training of the page begins with; a link can hold all of it but a text of one's own. */
export type Setup = Required<
  Pick<
    RunOptions,
    | 'cell'
    | 'hiddenSize'
    | 'numLayers'
    | 'numSteps'
    | 'batchSize'
    | 'lr'
    | 'optimizer'
    | 'epochs'
    | 'device'
    | 'seed'
    | 'maxTokens'
    | 'clean'
    | 'validation'
  >
>

/** Small enough to see it learn within a minute on a phone. */
export const defaults: Setup = {
  cell: 'lstm',
  hiddenSize: 128,
  numLayers: 1,
  numSteps: 35,
  batchSize: 32,
  lr: 0.01,
  optimizer: 'adam',
  epochs: 40,
  device: 'cpu',
  seed: 0,
  maxTokens: 50_000,
  clean: true,
  validation: 0.05,
}

/** The values that a choice has, and the range of a number. */
export const kinds = {
  cell: ['rnn', 'gru', 'lstm', 'mingru', 'minlstm'],
  hiddenSize: { least: 1, most: 2048, whole: true },
  numLayers: { least: 1, most: 8, whole: true },
  numSteps: { least: 1, most: 1024, whole: true },
  batchSize: { least: 1, most: 512, whole: true },
  lr: { least: 1e-6, most: 100, whole: false },
  optimizer: ['sgd', 'adam', 'adamw', 'rmsprop'],
  epochs: { least: 1, most: 100_000, whole: true },
  device: ['cpu', 'auto', 'webgpu'],
  seed: { least: 0, most: 2 ** 31 - 1, whole: true },
  maxTokens: { least: 1, most: 100_000_000, whole: true },
  clean: 'flag',
  validation: { least: 0, most: 0.5, whole: false },
} as const satisfies Record<keyof Setup, readonly string[] | 'flag' | NumberRange>

type Name = keyof Setup

/** How much of a text is trained on, and whether it is cleaned. */
export type Reading = Pick<Setup, 'clean' | 'maxTokens'>

/** Of the text that comes with the page, the beginning, cleaned as in the book. */
export const beginning: Reading = { clean: defaults.clean, maxTokens: defaults.maxTokens }

/** A text of one's own is read as a whole, and unchanged. */
export function wholeOf(text: string): Reading {
  let characters = 0
  for (const _ of text) characters++
  return { clean: false, maxTokens: Math.min(characters, kinds.maxTokens.most) }
}

/** The cells, as people write them. */
export const cellLabels: Readonly<Record<Setup['cell'], string>> = {
  rnn: 'RNN',
  gru: 'GRU',
  lstm: 'LSTM',
  mingru: 'minGRU',
  minlstm: 'minLSTM',
}

/** Whether the gates of a cell depend on its input alone. */
export const isMinimal = (cell: string): boolean => cell === 'mingru' || cell === 'minlstm'

/** A value of the setup from its text; undefined if it cannot be one. */
export function parsed(name: Name, text: string): Setup[Name] | undefined {
  const kind: readonly string[] | 'flag' | NumberRange = kinds[name]
  if (kind === 'flag') return text === 'true' ? true : text === 'false' ? false : undefined
  if ('least' in kind) return numberOf(text, kind)
  return kind.find((word) => word === text) as Setup[Name] | undefined
}

/** The setup that a link holds; what is missing or cannot be used is as in `defaults`, or as the text is read. */
export function setupOf(query: URLSearchParams, reading: Reading = beginning): Setup {
  const given = [...query].flatMap(([name, text]) => {
    const value = name in kinds ? parsed(name as Name, text) : undefined
    return value === undefined ? [] : [[name, value]]
  })
  return { ...defaults, ...reading, ...Object.fromEntries(given) }
}

/** What differs from `defaults`, for a link. */
export const queryOf = (setup: Setup): URLSearchParams =>
  new URLSearchParams(
    Object.entries(setup).flatMap(([name, value]) => (value === defaults[name as Name] ? [] : [[name, String(value)]])),
  )

/** The setup of a run, among its options. */
export const setupIn = (options: RunOptions): Setup => {
  const named = Object.keys(kinds).map((name) => [name, options[name as Name] ?? defaults[name as Name]])
  return Object.fromEntries(named)
}

export const setup = signal<Setup>(defaults)

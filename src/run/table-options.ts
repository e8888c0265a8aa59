import type { RunOptions } from './run-options.js'

/** The options of a training that do not depend on what it trains on. */
const common: readonly (keyof RunOptions)[] = [
  ...(['cell', 'nonlinearity', 'hiddenSize', 'numLayers', 'dropout', 'layerNorm', 'batchSize', 'epochs'] as const),
  ...(['optimizer', 'lr', 'momentum', 'nesterov', 'weightDecay', 'clip', 'clipValue', 'accumulate'] as const),
  ...(['schedule', 'warmup', 'decayEvery', 'decay', 'plateauPatience', 'minLr', 'validateEvery', 'patience'] as const),
  ...(['seed', 'kernels', 'threads', 'device', 'initFrom'] as const),
  ...(['checkpointSteps', 'checkpointMinutes', 'tensorboard'] as const),
]

/** Options of a run on series of numbers. */
export const seriesOptionNames: readonly (keyof RunOptions)[] = common

/** Options of a run on labelled texts. */
export const labelOptionNames: readonly (keyof RunOptions)[] = [
  ...common,
  ...(['embeddingSize', 'bidirectional', 'inputDropout', 'outputDropout'] as const),
]

// A run on a table differs from one on a text in the values of options that are left out.
const tableDefaults = { cell: 'gru', batchSize: 32, epochs: 10, optimizer: 'adamw', schedule: 'cosine' } as const

/** The values of options of a run on series that are left out, where they are not those of a run on a text. */
export const seriesRunDefaults = { ...tableDefaults, hiddenSize: 32 } as const satisfies Partial<RunOptions>

/** The values of options of a run on labelled texts that are left out, where they are not those of a run on a text. */
export const labelRunDefaults = {
  ...tableDefaults,
  hiddenSize: 64,
  embeddingSize: 32,
} as const satisfies Partial<RunOptions>

/** Default learning rates of runs on tables. */
export const tableRates = { sgd: 1, adam: 0.01, adamw: 0.01, rmsprop: 0.01 }

import { expect, test } from 'vitest'
import { OptionError } from '../core/errors.js'
import { parameterCount } from '../formats/model-config.js'
import { checkMemory, memoryNeed } from './memory-need.js'
import type { RunOptions } from './run-options.js'

const sizes = { vocabSize: 5, hiddenSize: 2, numLayers: 3, bias: true, bidirectional: false, dropout: 0 }
const config = { cell: 'gru' as const, ...sizes }
const options = { optimizer: 'adam', momentum: 0, batchSize: 4, numSteps: 10 } as RunOptions

test('parameters: by hand, layer by layer', () => {
  // 3 gates of 2 units; the first layer reads 5 tokens, the others 2 features; 5 scores of 2 features.
  const layer = (inputs: number) => 6 * inputs + 6 * 2 + 6 + 6
  expect(parameterCount(config)).toBe(layer(5) + layer(2) + layer(2) + 5 * 2 + 5)
  expect(parameterCount({ ...config, numLayers: 1 })).toBe(layer(5) + 15)
  expect(parameterCount({ ...config, numLayers: 1e9 })).toBe(layer(5) + (1e9 - 1) * layer(2) + 15)
})

test('bytes: by hand', () => {
  const parameters = parameterCount(config)
  // Adam keeps two arrays: 1 + gradients + 2 + the last good copy, and a checkpoint of 3, twice.
  const activations = 40 * (3 * 2 * 4 + 2 * 5)
  expect(memoryNeed(config, options)).toBe(4 * (11 * parameters + activations))
  // SGD without momentum keeps none: 1 + gradients + the last good copy, and a checkpoint of 1, twice.
  expect(memoryNeed(config, { ...options, optimizer: 'sgd' })).toBe(4 * (5 * parameters + activations))
  expect(memoryNeed(config, { ...options, optimizer: 'sgd', momentum: 0.9 })).toBe(4 * (8 * parameters + activations))
})

test('a training of as many bytes as there are is taken, one of more is refused', () => {
  const bytes = memoryNeed(config, options)
  checkMemory('startRun', config, options, bytes)
  expect(() => checkMemory('startRun', config, options, bytes - 1)).toThrow(OptionError)
  expect(() => checkMemory('startRun', { ...config, hiddenSize: 1e6 }, options, 2 ** 34)).toThrow(
    /3 layers of 1000000 units .* in batches of 4 × 10 tokens need at least .* expected at most the 16 GB of memory/,
  )
})

test('a labeller has no scores of all tokens; where its texts are too long, the longest is named', () => {
  const limits = { limitedBy: 'maxTokens', perStep: 2 * 3, longest: 'the longest text is that of a.csv: row 7' }
  const long = { ...options, numSteps: 20_000 }
  // With scores of all 50,000 tokens it would be 32 GB.
  checkMemory('startLabelRun', { ...config, vocabSize: 50_000 }, long, 2 ** 30, limits)
  expect(() => checkMemory('startLabelRun', config, { ...long, numSteps: 2e7 }, 2 ** 30, limits)).toThrow(
    /in batches of 4 × 20000000 tokens need at least .* of this machine; the longest text is that of a\.csv: row 7; use a smaller .*maxTokens$/,
  )
})

test('a size without end is no whole number', () => {
  expect(() => checkMemory('startRun', { ...config, hiddenSize: Infinity }, options)).toThrow(
    'startRun: hiddenSize is Infinity, expected a whole number of 1 or more',
  )
  expect(() => checkMemory('startRun', config, { ...options, batchSize: Infinity })).toThrow('batchSize is Infinity')
  expect(() =>
    checkMemory('startSeriesRun', config, { ...options, numSteps: Infinity }, 1, { limitedBy: 'window' }),
  ).toThrow('startSeriesRun: window is Infinity')
})

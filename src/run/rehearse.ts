import { Generator } from '../core/random.js'
import { modelOf } from '../formats/model-of.js'
import { newConfig } from './build.js'
import { checkEffects } from './effects.js'
import { trainingOf } from './prepare.js'
import { givenIn, type RunOptions, runDefaults } from './run-options.js'
import type { RunText } from './run-text.js'

/**
 * Checks options as `startRun` does, and with a text whether a run with them could begin on it. This takes a moment, because
 * its model has the least sizes.
 * @throws OptionError for options that contradict each other; DataError for a text that is too short
 */
export function rehearse(where: string, given: Partial<RunOptions>, text?: RunText): void {
  const options = { ...runDefaults, ...given }
  checkEffects(where, options, givenIn(given))
  if (!text) return
  const config = newConfig(where, options, text.vocab.size)
  const projSize = config.projSize && 1
  const hiddenSize = 2
  const embeddingSize = config.embeddingSize && (projSize ?? hiddenSize)
  const numLayers = Math.min(2, config.numLayers)
  const generator = new Generator()
  const model = modelOf({ ...config, hiddenSize, projSize, embeddingSize, numLayers }, generator)
  trainingOf(where, { model, text }, options, generator, undefined)
}

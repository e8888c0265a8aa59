import type { TokenKind } from '../data/text.js'
import type { ModelConfig } from '../formats/model-config.js'
import type { LoadedModel } from '../formats/saved-model.js'

/** How a saved model's training text became tokens; every text that the model is given is treated the same. */
export interface SavedText {
  tokens: TokenKind
  clean: boolean
  lowercase?: boolean
}

/** Models that do not record the cleaning are older than that option: their text was cleaned. */
export function savedText({ config: { training = {} }, vocab }: Pick<LoadedModel, 'config' | 'vocab'>): SavedText {
  const { clean, lowercase } = training
  return {
    tokens: vocab.kind,
    clean: clean !== false,
    ...(lowercase === true && { lowercase }),
  }
}

/** How many tokens of its text a model was trained, validated and tested on; Infinity for all. */
export function maxTokensOf({ training = {} }: ModelConfig): number {
  return typeof training.maxTokens === 'number' ? training.maxTokens : Infinity
}

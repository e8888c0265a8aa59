import type { TokenKind } from '../data/text.js'
import type { ModelConfig } from '../formats/model-config.js'
import type { LoadedModel } from '../formats/saved-model.js'

/** What a saved model says of the text that it was trained on, and so of every text that it is given. */
export interface SavedText {
  tokens: TokenKind
  clean: boolean
  lowercase?: boolean
}

/** Models that say nothing of the cleaning are older than the choice: their text was cleaned. */
export function savedText({ config: { training = {} }, vocab }: Pick<LoadedModel, 'config' | 'vocab'>): SavedText {
  const { clean, lowercase } = training
  return {
    tokens: vocab.kind,
    clean: clean !== false,
    ...(lowercase === true && { lowercase }),
  }
}

/** The tokens of its text that a model was trained on, validated with and tested with. */
export function maxTokensOf({ training = {} }: ModelConfig): number {
  return typeof training.maxTokens === 'number' ? training.maxTokens : Infinity
}

import type { TokenKind } from '../data/text.js'
import type { ModelConfig } from '../formats/model-config.js'
import type { LoadedModel } from '../formats/saved-model.js'

/** How a saved model's training text became tokens; every text that the model is given is treated the same. */
export interface SavedText {
  tokens: TokenKind
  clean: boolean
  lowercase?: boolean
}

/** Tokens of cleaned text, besides the first, which stands for unknown ones. */
const cleaned = /^[a-z ]*$/

/**
 * How a model's text was treated. A model that does not record it, as one that a program saved, was trained on cleaned text
 * if its vocabulary has nothing else.
 */
export function savedText({ config: { training = {} }, vocab }: Pick<LoadedModel, 'config' | 'vocab'>): SavedText {
  const { clean, lowercase } = training
  return {
    tokens: vocab.kind,
    clean: typeof clean === 'boolean' ? clean : vocab.tokens.slice(1).every((token) => cleaned.test(token)),
    ...(lowercase === true && { lowercase }),
  }
}

/** How many tokens of its text a model was trained, validated and tested on; Infinity for all. */
export function maxTokensOf({ training = {} }: ModelConfig): number {
  return typeof training.maxTokens === 'number' ? training.maxTokens : Infinity
}

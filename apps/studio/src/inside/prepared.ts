import type { LoadedModel } from 'unrolled/browser'

/** The tokens of a text that is prepared as the model's own text was, also those that the model does not know. */
export function preparedTokens({ vocab, config }: Pick<LoadedModel, 'vocab' | 'config'>, text: string): string[] {
  const { clean, lowercase } = config.training ?? {}
  return vocab.split(clean || lowercase ? text.toLowerCase() : text)
}

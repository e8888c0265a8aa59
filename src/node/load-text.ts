import { BOOK_TOKENS, type LoadedText, type LoadOptions } from '../data/load.js'
import { SequenceData } from '../data/sequences.js'
import { loadCorpus } from './load-corpus.js'

/**
 * Texts as batches of token numbers with a vocabulary; see `loadCorpus`, which knows more options, and can close the
 * file that a long text stays open in here until the process ends.
 * @throws DataError for what cannot be read, is not UTF-8, or is too short for one batch
 */
export async function loadText(source: string | readonly string[], options: LoadOptions = {}): Promise<LoadedText> {
  const { corpus, vocab } = await loadCorpus(source, { ...options, maxTokens: options.maxTokens ?? BOOK_TOKENS })
  return { data: new SequenceData(corpus, options), vocab, corpus }
}

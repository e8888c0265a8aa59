import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { type LoadedText, type LoadOptions, loadOptions, withSequences } from '../data/load.js'
import { type CorpusOptions, loadSources } from './load-corpus.js'

/** How a text from a file is cleaned, cut and made into batches. */
export interface LoadTextOptions extends LoadOptions, Pick<CorpusOptions, 'encoding'> {}

const loadTextOptions: OptionKinds<LoadTextOptions> = { ...loadOptions, encoding: 'any' }

/**
 * Texts as batches of token numbers with a vocabulary; see `loadCorpus`, which knows more options, and can close the
 * file that a long text stays open in here until the process ends.
 * @throws DataError for what cannot be read, is no text in its encoding, or is too short for one batch; OptionError for
 *   an option out of range
 */
export async function loadText(source: string | readonly string[], options: LoadTextOptions = {}): Promise<LoadedText> {
  checkOptions('loadText', options, loadTextOptions)
  const { corpus, vocab, changes } = await loadSources(source, options, 'loadText')
  return withSequences({ vocab, corpus, changes }, options, 'loadText')
}

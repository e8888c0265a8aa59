import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { type LoadedText, type LoadOptions, loadOptions, parts, withSequences } from '../data/load.js'
import { type CorpusOptions, loadSources } from './load-corpus.js'

/** How a text from a file is cleaned, cut and made into batches. */
export interface LoadTextOptions extends LoadOptions, Pick<CorpusOptions, 'encoding'> {}

const loadTextOptions: OptionKinds<LoadTextOptions> = { ...loadOptions, encoding: 'any' }

/**
 * Loads texts as batches of token numbers with a vocabulary. The file of a long text stays open until the process ends;
 * `loadCorpus` can close it, and has more options.
 * @throws DataError for a text that cannot be read, does not fit its encoding, or is too short for one batch; OptionError
 *   for an option out of range
 */
export async function loadText(source: string | readonly string[], options: LoadTextOptions = {}): Promise<LoadedText> {
  checkOptions('loadText', options, loadTextOptions, parts)
  const { corpus, vocab, changes } = await loadSources(source, options, 'loadText')
  return withSequences({ vocab, corpus, changes }, options, 'loadText')
}

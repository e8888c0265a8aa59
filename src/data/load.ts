import { checkWhole, checkWord } from '../core/check.js'
import { DataError } from '../core/errors.js'
import { type Corpus, SequenceData, type SequenceOptions } from './sequences.js'
import { type TokenKind, tokensOf } from './text.js'
import { Vocab, type VocabOptions } from './vocab.js'

export interface LoadOptions extends SequenceOptions, Pick<VocabOptions, 'minFreq'> {
  /** The corpus is cut to this many tokens, after the vocabulary was built from all. Default 10,000; Infinity for all. */
  maxTokens?: number
  /** Default 'char'. */
  tokens?: TokenKind
  /** The book's cleaning: letters only, lower case. Default true. */
  clean?: boolean
}

export interface LoadedText {
  data: SequenceData
  vocab: Vocab
  /** Every token kept, by number. */
  corpus: Corpus
}

/**
 * A text as batches of token numbers, with its vocabulary: the book's `load_data_time_machine` for any text.
 * @throws DataError for a text without tokens or too short for one batch, OptionError for a size out of range
 */
export function sequencesFromText(text: string, options: LoadOptions = {}): LoadedText {
  const { maxTokens = 10_000, tokens: kind = 'char', clean = true, minFreq } = options
  if (maxTokens !== Infinity) checkWhole('loadText', 'maxTokens', maxTokens)
  checkWord('loadText', 'tokens', kind, ['char', 'word'])
  const vocab = Vocab.count(tokensOf(text, kind, clean), { minFreq, kind })
  const corpus = encode(tokensOf(text, kind, clean), vocab, Math.min(maxTokens, text.length))
  if (corpus.length === 0) throw new DataError('loadText: the text is empty, expected some letters')
  return { data: new SequenceData(corpus, options), vocab, corpus }
}

function encode(tokens: Iterable<string>, vocab: Vocab, limit: number): Corpus {
  const Numbers = vocab.size <= 2 ** 8 ? Uint8Array : vocab.size <= 2 ** 16 ? Uint16Array : Int32Array
  const corpus = new Numbers(limit)
  let length = 0
  for (const token of tokens) {
    if (length === limit) break
    corpus[length++] = vocab.indexOf(token)
  }
  return corpus.subarray(0, length)
}

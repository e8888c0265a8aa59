import { checkWhole, checkWord } from '../core/check.js'
import { DataError } from '../core/errors.js'
import { countCharacters, encodeCharacters } from './characters.js'
import { type Corpus, SequenceData, type SequenceOptions } from './sequences.js'
import { piecesOf, type TokenKind, tokensOf } from './text.js'
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
  const vocab =
    kind === 'char'
      ? Vocab.ofCounts(countCharacters(piecesOf(text, clean)), { minFreq, kind })
      : Vocab.count(tokensOf(text, kind, clean), { minFreq, kind })
  const Numbers = vocab.size <= 2 ** 8 ? Uint8Array : vocab.size <= 2 ** 16 ? Uint16Array : Int32Array
  const numbers = new Numbers(Math.min(maxTokens, text.length))
  const length =
    kind === 'char'
      ? encodeCharacters(piecesOf(text, clean), vocab, numbers)
      : encode(tokensOf(text, kind, clean), vocab, numbers)
  const corpus = numbers.subarray(0, length)
  if (corpus.length === 0) throw new DataError('loadText: the text is empty, expected some letters')
  return { data: new SequenceData(corpus, options), vocab, corpus }
}

function encode(tokens: Iterable<string>, vocab: Vocab, numbers: Corpus): number {
  let length = 0
  for (const token of tokens) {
    if (length === numbers.length) break
    numbers[length++] = vocab.indexOf(token)
  }
  return length
}

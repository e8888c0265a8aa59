import { checkWhole } from '../core/check.js'
import { DataError, OptionError } from '../core/errors.js'
import { piecesOf } from './pieces.js'
import { type Corpus, SequenceData, type SequenceOptions } from './sequences.js'
import type { TextOptions } from './text.js'
import { numbersFor, tokenCounter, tokenEncoder } from './tokens.js'
import { Vocab, type VocabOptions } from './vocab.js'

export interface EncodeOptions extends TextOptions, Pick<VocabOptions, 'minFreq'> {
  /** A vocabulary to encode with, such as a saved model's, in the place of one of this text's tokens. */
  vocab?: Vocab
}

/** Tokens of The Time Machine that the book trains on. */
export const BOOK_TOKENS = 10_000

export interface LoadOptions extends SequenceOptions, EncodeOptions {
  /** The corpus is cut to this many tokens, after the vocabulary was built from all. Default 10,000; Infinity for all. */
  maxTokens?: number
}

export interface LoadedText {
  data: SequenceData
  vocab: Vocab
  /** Every token kept, by number. */
  corpus: Corpus
}

/**
 * A text as batches of token numbers, with its vocabulary: the book's `load_data_time_machine` for any text.
 * @throws DataError for a text without tokens or too short for one batch, OptionError for a size out of range, or for
 *   'bpe' tokens before `loadBytePairs`
 */
export function sequencesFromText(text: string, options: LoadOptions = {}): LoadedText {
  const { maxTokens = BOOK_TOKENS, minFreq } = options
  checkMaxTokens(maxTokens)
  const kind = kindOf(options)
  const pieces = () => piecesOf(text, { ...options, tokens: kind })
  let { vocab } = options
  if (!vocab) {
    const counter = tokenCounter(kind)
    for (const piece of pieces()) counter.add(piece)
    vocab = Vocab.ofCounts(counter.counts(), { minFreq, kind })
  }
  const Numbers = numbersFor(vocab.size)
  // A UTF-16 unit has at most three bytes of UTF-8, and so as many tokens.
  const numbers = new Numbers(Math.min(maxTokens, kind === 'char' || kind === 'word' ? text.length : 3 * text.length))
  let length = 0
  const encode = tokenEncoder(vocab)
  for (const piece of pieces()) {
    const more = encode(piece).subarray(0, numbers.length - length)
    numbers.set(more, length)
    length += more.length
    if (length === numbers.length) break
  }
  const corpus = numbers.subarray(0, length)
  checkSome('loadText', length)
  return { data: new SequenceData(corpus, options), vocab, corpus }
}

/** The kind of tokens to encode a text as. @throws OptionError where a given vocabulary has others */
export function kindOf({ tokens, vocab }: EncodeOptions): NonNullable<TextOptions['tokens']> {
  if (vocab && tokens !== undefined && tokens !== vocab.kind) {
    throw new OptionError(`loadText: tokens is '${tokens}', expected the vocabulary's '${vocab.kind}'; leave it out`)
  }
  return vocab?.kind ?? tokens ?? 'char'
}

export function checkMaxTokens(maxTokens: number): void {
  if (maxTokens !== Infinity) checkWhole('loadText', 'maxTokens', maxTokens)
}

/** @throws DataError for a text without tokens */
export function checkSome(source: string, tokens: number): void {
  if (tokens === 0) throw new DataError(`${source}: the text is empty, expected some letters`)
}

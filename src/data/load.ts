import { checkWhole, checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { DataError, OptionError } from '../core/errors.js'
import { PieceStream } from './pieces.js'
import { type Corpus, checkSequences, SequenceData, type SequenceOptions, sequenceOptions } from './sequences.js'
import { type TextChanges, type TextOptions, type TokenKind, tokenKinds } from './text.js'
import { type Numbers, numbersFor, tokenCounter, tokenEncoder } from './tokens.js'
import { checkVocab, Vocab, type VocabOptions } from './vocab.js'

/** How a text becomes token numbers. */
export interface EncodeOptions extends TextOptions, Pick<VocabOptions, 'minFreq'> {
  /** A vocabulary to encode with, such as a saved model's. Default: one of this text's own tokens. */
  vocab?: Vocab
}

/** The number of tokens of The Time Machine that the book trains on. */
export const BOOK_TOKENS = 10_000

/** How a text is cleaned, cut into tokens and made into batches. */
export interface LoadOptions extends SequenceOptions, EncodeOptions {
  /** The corpus is cut to this many tokens, after the vocabulary was built from the whole text. Default Infinity. */
  maxTokens?: number
}

export const encodeOptions: OptionKinds<EncodeOptions> = {
  tokens: 'any',
  clean: 'boolean',
  lowercase: 'boolean',
  minFreq: 'any',
  vocab: 'any',
}

const heldOut = ': hold out a part of what was loaded with splitCorpus; leave it out'

/** Why functions that load a text do not split it. */
export const parts = { validation: heldOut, test: heldOut }

export const loadOptions: OptionKinds<LoadOptions> = { ...sequenceOptions, ...encodeOptions, maxTokens: 'any' }

/** A text as batches, with its vocabulary. */
export interface LoadedText {
  data: SequenceData
  vocab: Vocab
  /** The numbers of all tokens that were kept. */
  corpus: Corpus
  /** How much of the text was changed. */
  changes: TextChanges
}

/**
 * A text as batches of token numbers, with its vocabulary. By default the text is loaded whole and unchanged; with
 * `clean: true` and `maxTokens: 10_000` it is loaded as the book's `load_data_time_machine` loads its text.
 * @throws DataError for a text without tokens or too short for one batch, OptionError for a size out of range, or for
 *   'bpe' tokens before `loadBytePairs`
 */
export function sequencesFromText(text: string, options: LoadOptions = {}): LoadedText {
  checkOptions('sequencesFromText', options, loadOptions, parts)
  return withSequences(encodeString(text, options, 'sequencesFromText'), options, 'sequencesFromText')
}

/** Adds batches to a loaded corpus. @param where the function that the user called */
export function withSequences<T extends { corpus: Corpus }>(
  loaded: T,
  { batchSize, numSteps, sampling, generator }: SequenceOptions,
  where: string,
): T & { data: SequenceData } {
  const options = { batchSize, numSteps, sampling, generator }
  checkSequences(where, loaded.corpus, options)
  return { data: new SequenceData(loaded.corpus, options), ...loaded }
}

/**
 * Encodes a text that is in memory.
 * @param where the function that the user called, for messages
 */
export function encodeString(
  text: string,
  options: Omit<LoadOptions, keyof SequenceOptions>,
  where: string,
): Omit<LoadedText, 'data'> & { corpus: Numbers } {
  if (typeof text !== 'string') throw new DataError(`${where}: the text is ${typeof text}, expected a string`)
  const { tokens: kind, maxTokens, minFreq } = checkLoad(where, options)
  const stream = () => new PieceStream({ ...options, tokens: kind }, where)
  let { vocab } = options
  if (!vocab) {
    const counter = tokenCounter(kind)
    for (const piece of stream().pieces(text)) counter.add(piece)
    vocab = Vocab.ofCounts(counter.counts(), { minFreq, kind })
  }
  const Numbers = numbersFor(vocab.size)
  // A UTF-16 unit takes at most three bytes of UTF-8, hence makes at most three tokens.
  const numbers = new Numbers(Math.min(maxTokens, kind === 'char' || kind === 'word' ? text.length : 3 * text.length))
  let [length, total] = [0, 0]
  const encode = tokenEncoder(vocab)
  const encoded = stream()
  for (const piece of encoded.pieces(text)) {
    const more = encode(piece)
    const kept = more.subarray(0, numbers.length - length)
    numbers.set(kept, length)
    length += kept.length
    total += more.length
  }
  checkSome(where, length, encoded.changes)
  return { vocab, corpus: numbers.subarray(0, length), changes: { ...encoded.changes, cut: total - length } }
}

/**
 * Checks how a text is to be loaded, and fills in the defaults.
 * @param where the function that the user called
 * @throws OptionError for an option out of range, or for tokens of another kind than a given vocabulary's
 */
export function checkLoad(
  where: string,
  { tokens, vocab, maxTokens = Infinity, minFreq = 0 }: Omit<LoadOptions, keyof SequenceOptions>,
): { tokens: TokenKind; maxTokens: number; minFreq: number } {
  if (maxTokens !== Infinity) checkWhole(where, 'maxTokens', maxTokens)
  checkWhole(where, 'minFreq', minFreq, 0)
  if (tokens !== undefined) checkWord(where, 'tokens', tokens, tokenKinds)
  if (vocab !== undefined) checkVocab(where, vocab)
  if (vocab && tokens !== undefined && tokens !== vocab.kind) {
    throw new OptionError(`${where}: tokens is '${tokens}', expected the vocabulary's '${vocab.kind}'; leave it out`)
  }
  return { tokens: vocab?.kind ?? tokens ?? 'char', maxTokens, minFreq }
}

/**
 * @param where the text, or the function that the user called
 * @throws DataError for a text without tokens
 */
export function checkSome(where: string, tokens: number, { replaced }: Pick<TextChanges, 'replaced'>): void {
  if (tokens > 0) return
  throw new DataError(
    replaced > 0
      ? `${where}: cleaning leaves nothing of the text, because it has none of the letters A–Z; load it without cleaning (clean: false, on the command line --no-clean)`
      : `${where}: the text is empty, expected some characters`,
    [],
    'empty-text',
  )
}

import type { Corpus } from '../data/sequences.js'
import type { Vocab } from '../data/vocab.js'
import { defaultPrefix } from '../generate/prefix.js'

/**
 * Prefixes for samples of a model in training: the book's as far as its text has them, or else the beginning of the
 * text. If that is no text by itself, as a part of a character is none, it is the vocabulary's default prefix.
 */
export function samplePrefixes(corpus: Corpus, vocab: Vocab): string[] {
  const beginning = corpus.subarray(0, Math.min(corpus.length, 100_000))
  const text = vocab.join(vocab.decode(beginning))
  const book = ['time traveller', 'traveller'].filter((prefix) => text.includes(prefix))
  if (book.length > 0) return book
  const first = vocab.join(vocab.decode(beginning.subarray(0, 10)))
  const isText = String(vocab.encode(first)) === String(beginning.subarray(0, 10))
  const prefix = isText ? first : defaultPrefix(vocab).text
  return prefix === '' ? [] : [prefix]
}

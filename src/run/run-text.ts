import { checkString } from '../core/check.js'
import { DataError } from '../core/errors.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import { encodeString } from '../data/load.js'
import type { Corpus } from '../data/sequences.js'
import { splitCorpus } from '../data/split.js'
import type { TextChanges } from '../data/text.js'
import type { Vocab } from '../data/vocab.js'
import { joined, sha256Of, sourceOf } from '../formats/source.js'
import type { RunOptions } from './run-options.js'

/** The options of how a run's text becomes tokens. */
export type TextHow = Pick<RunOptions, 'tokens' | 'clean' | 'lowercase' | 'maxTokens' | 'encoding'>

/** Picks the options of how a text becomes tokens from a run's options. */
export const textHow = ({ tokens, clean, lowercase, maxTokens, encoding }: RunOptions): TextHow => ({
  ...{ tokens, clean, lowercase, maxTokens, encoding },
})

/** A text as tokens, before it is cut into parts. */
export interface EncodedText {
  corpus: Corpus
  vocab: Vocab
  /** One line for people that says where the text comes from. */
  source: string
  /** How much of the text was changed. */
  changes: TextChanges
  /** Releases what the text holds, such as an open file. */
  close?(): Promise<void>
}

/** Where a run's text comes from. */
export interface TextSource {
  /** The names by which the text is found again, for the record; empty for The Time Machine. */
  readonly names: readonly string[]
  /**
   * Reads the text, again at each call.
   * @param vocab the vocabulary that numbers the tokens, instead of one made from the text
   * @throws DataError if the text cannot be read
   */
  read(how: TextHow, vocab: Vocab | undefined, signal: AbortSignal | undefined): Promise<EncodedText>
  /** Releases what was held for reading the text again. */
  close?(): Promise<void>
}

/** A text as a training uses it. */
export interface RunText extends EncodedText {
  train: Corpus
  validation?: Corpus
  /** Tokens of each part, by its name. */
  sizes: Readonly<Record<string, number>>
  /** A checksum that distinguishes the text from others. */
  fingerprint: string
}

/**
 * A string as the text of a run.
 * @param name the text's name, for people and for the record
 */
export function textSource(text: string, name = 'a text in memory'): TextSource {
  checkString('textSource', 'the text', text)
  checkString('textSource', 'the name', name)
  return {
    names: [name],
    async read({ tokens, clean, lowercase, maxTokens, encoding }, vocab) {
      if (encoding !== undefined) throw new DataError(`${name}: encoding is for files, expected none for a string`)
      if (tokens === 'bpe') await loadBytePairs()
      return { ...encodeString(text, { tokens, clean, lowercase, maxTokens, vocab }, name), source: name }
    },
  }
}

/** Reads a text and cuts it as the options say. */
export async function readRunText(
  source: TextSource,
  options: RunOptions,
  vocab: Vocab | undefined,
  signal: AbortSignal | undefined,
): Promise<RunText> {
  const { validation, test } = options
  const read = await source.read(textHow(options), vocab, signal)
  const parts = splitCorpus(read.corpus, { validation, test })
  const sizes = Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.length]))
  return { ...read, ...parts, sizes, fingerprint: await fingerprintOf(read.corpus) }
}

/** Tokens in each window of a fingerprint. Together, the windows cover a text of up to 16 million tokens completely. */
const FINGERPRINT_WINDOW = 2 ** 18
const WINDOWS = 64

/** A checksum of a corpus: SHA-256 of its length and of evenly spaced windows. */
export async function fingerprintOf(corpus: Corpus): Promise<string> {
  const parts: Uint8Array[] = [new TextEncoder().encode(String(corpus.length))]
  const windows = Math.min(WINDOWS, Math.ceil(corpus.length / FINGERPRINT_WINDOW))
  for (let i = 0; i < windows; i++) {
    const last = Math.max(corpus.length - FINGERPRINT_WINDOW, 0)
    const from = windows === 1 ? 0 : Math.floor((i * last) / (windows - 1))
    const { buffer, byteOffset, byteLength } = corpus.subarray(from, Math.min(from + FINGERPRINT_WINDOW, corpus.length))
    // A corpus in a file may reuse the buffer that it returned.
    parts.push(new Uint8Array(buffer, byteOffset, byteLength).slice())
  }
  return sha256Of(sourceOf(joined(parts)), 'the text')
}

import {
  checkArgument,
  checkIterable,
  checkNumber,
  checkString,
  checkStrings,
  checkWhole,
  checkWord,
} from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { describe } from '../core/describe.js'
import { DataError } from '../core/errors.js'
import { splitBytePairs } from './byte-pairs.js'
import { ByteText, bytesOf } from './bytes.js'
import { type TokenKind, tokenKinds } from './text.js'

/** Which tokens a vocabulary has. */
export interface VocabOptions {
  /** Tokens rarer than this are unknown. Default 0. */
  minFreq?: number
  /** Tokens that come right after `<unk>`, however rare they are. */
  reservedTokens?: readonly string[]
  /** The kind of the tokens, so that a text can be encoded and decoded again. Default 'char'. */
  kind?: TokenKind
}

const vocabOptions: OptionKinds<VocabOptions> = { minFreq: 'any', reservedTokens: 'any', kind: 'any' }

/** Turns tokens into text one by one, as they are generated. */
export interface TextStream {
  /** Adds a token; returns the text to append: a space and a word, or the characters that are now whole. */
  push(token: string): string
  /** Returns what is left at the end: U+FFFD for a character cut off. */
  flush(): string
}

/**
 * Tokens and their numbers: `<unk>` is 0, then reserved tokens, then the others by falling frequency. Tokens made of
 * bytes ('byte', 'bpe') are strings of one character, U+0000 to U+00FF, for each byte.
 */
export class Vocab {
  /** The number of every unknown token. */
  readonly unk = 0
  readonly #tokens: readonly string[]
  readonly #indices: ReadonlyMap<string, number>

  private constructor(
    tokens: readonly string[],
    readonly kind: TokenKind,
    where = 'Vocab',
  ) {
    checkStrings(where, 'tokens', tokens)
    this.#tokens = tokens
    this.#indices = new Map(tokens.map((token, index) => [token, index]))
  }

  /** Counts tokens; those of equal frequency stay in the order of their first appearance. */
  static count(tokens: Iterable<string>, options: VocabOptions = {}): Vocab {
    checkIterable('Vocab.count', 'tokens', tokens, 'a text or an array of tokens')
    const counts = new Map<string, number>()
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
    return Vocab.#ofCounts('Vocab.count', counts, options)
  }

  /** Takes counts of tokens; those of equal frequency stay in the order of the map. */
  static ofCounts(counts: ReadonlyMap<string, number>, options: VocabOptions = {}): Vocab {
    checkArgument(
      'Vocab.ofCounts',
      'counts',
      counts,
      counts instanceof Map,
      'a Map from tokens to how often each occurs',
    )
    for (const count of counts.values()) checkNumber('Vocab.ofCounts', 'a count', count, 0)
    return Vocab.#ofCounts('Vocab.ofCounts', counts, options)
  }

  static #ofCounts(where: string, counts: ReadonlyMap<string, number>, options: VocabOptions): Vocab {
    checkOptions(where, options, vocabOptions)
    const { minFreq = 0, reservedTokens = [], kind = 'char' } = options
    checkWord(where, 'kind', kind, tokenKinds)
    checkWhole(where, 'minFreq', minFreq, 0)
    checkStrings(where, 'reservedTokens', reservedTokens)
    const first = [...new Set(['<unk>', ...reservedTokens])]
    const frequent = [...counts]
      .filter(([token, count]) => count >= minFreq && !first.includes(token))
      .sort(([, a], [, b]) => b - a)
      .map(([token]) => token)
    return new Vocab([...first, ...frequent], kind, where)
  }

  /**
   * A vocabulary in a known order, such as a saved one.
   * @throws DataError for a token that appears twice, or that is not made of bytes although its kind is
   */
  static of(tokens: readonly string[], kind: TokenKind = 'char'): Vocab {
    checkWord('Vocab.of', 'kind', kind, tokenKinds)
    const vocab = new Vocab(tokens, kind, 'Vocab.of')
    if (tokens[0] !== '<unk>')
      throw new DataError(`Vocab.of: the first token is ${describe(tokens[0])}, expected '<unk>'`)
    const twice = tokens.find((token, index) => vocab.#indices.get(token) !== index)
    if (twice !== undefined) throw new DataError(`Vocab.of: ${describe(twice)} appears twice, expected each token once`)
    const wrong = isBytes(kind) && tokens.find((token) => /[^\0-\xff]/.test(token))
    if (wrong)
      throw new DataError(
        `Vocab.of: the token ${JSON.stringify(wrong)} is not made of bytes, expected U+0000 to U+00FF`,
      )
    return vocab
  }

  get size(): number {
    return this.#tokens.length
  }

  /** All tokens in the order of their numbers. */
  get tokens(): readonly string[] {
    return this.#tokens
  }

  /** Whether a token has a number of its own. */
  has(token: string): boolean {
    checkString('Vocab.has', 'the token', token)
    return this.#indices.has(token)
  }

  /** The number of a token; 0 if it is unknown. */
  indexOf(token: string): number {
    return this.#indexOf('Vocab.indexOf', token)
  }

  #indexOf(where: string, token: string): number {
    checkString(where, 'the token', token)
    return this.#indices.get(token) ?? this.unk
  }

  /** The token with a number. @throws DataError for a number that no token has */
  tokenOf(index: number): string {
    return this.#tokenOf('Vocab.tokenOf', index)
  }

  #tokenOf(where: string, index: number): string {
    const token = typeof index === 'number' ? this.#tokens[index] : undefined
    if (token === undefined)
      throw new DataError(
        `${where}: the index is ${describe(index)}, which is out of range, expected 0 to ${this.size - 1}`,
      )
    return token
  }

  /** The numbers of tokens; a string is cut into tokens of the vocabulary's kind. */
  encode(tokens: string | Iterable<string>): Int32Array {
    checkIterable('Vocab.encode', 'tokens', tokens, 'a text or an array of tokens')
    return Int32Array.from(typeof tokens === 'string' ? this.split(tokens) : tokens, (token) =>
      this.#indexOf('Vocab.encode', token),
    )
  }

  /** The tokens with some numbers. */
  decode(indices: Iterable<number>): string[] {
    checkIterable('Vocab.decode', 'indices', indices, 'an array of numbers of tokens')
    return Array.from(indices, (index) => this.#tokenOf('Vocab.decode', index))
  }

  /**
   * A text as tokens of the vocabulary's kind. An unknown byte-pair token is split into shorter known ones if possible:
   * the vocabulary may have ' time' from within a text, but not the 'time' that begins one.
   * @throws OptionError for 'bpe' before `loadBytePairs`
   */
  split(text: string): string[] {
    checkString('Vocab.split', 'the text', text)
    if (this.kind === 'bpe')
      return splitBytePairs(text).flatMap((token) => (this.has(token) ? token : this.#known(token)))
    if (this.kind === 'word') return text.split(/\s+/).filter((word) => word !== '')
    return [...(this.kind === 'byte' ? bytesOf(text) : text)]
  }

  /** Splits a token into known ones, taking the longest first; returns the token itself if that is impossible. */
  #known(token: string): string | string[] {
    const parts: string[] = []
    for (let from = 0; from < token.length; from += parts[parts.length - 1].length) {
      let to = token.length
      while (to > from && this.indexOf(token.slice(from, to)) === this.unk) to--
      if (to === from) return token
      parts.push(token.slice(from, to))
    }
    return parts
  }

  /** Tokens joined as a text, words with spaces between them; bytes that are not UTF-8 become U+FFFD. */
  join(tokens: readonly string[]): string {
    checkStrings('Vocab.join', 'tokens', tokens)
    if (!isBytes(this.kind)) return tokens.join(this.kind === 'word' ? ' ' : '')
    const text = new ByteText()
    return text.push(tokens.join('')) + text.flush()
  }

  /** Turns tokens into text one by one, after earlier text. A character's bytes are held back until it is whole. */
  textStream(): TextStream {
    if (isBytes(this.kind)) return new ByteText()
    const before = this.kind === 'word' ? ' ' : ''
    return { push: (token) => before + token, flush: () => '' }
  }
}

const isBytes = (kind: TokenKind): boolean => kind === 'byte' || kind === 'bpe'

/** @throws OptionError for anything but a Vocab. @param where the function that the user called */
export const checkVocab = (where: string, vocab: unknown): void =>
  checkArgument(where, 'vocab', vocab, vocab instanceof Vocab, 'the Vocab that the model was trained with')

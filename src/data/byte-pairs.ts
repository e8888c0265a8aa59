import { DataError, OptionError } from '../core/errors.js'
import { bytesOf } from './bytes.js'
import { slices } from './text.js'

type Encode = (text: string) => number[]
/** The text of each token, or its bytes if they are not whole characters. */
type Ranks = readonly (string | readonly number[])[]

let loaded: { encode: Encode; ranks: Ranks } | undefined
/** The bytes of the tokens seen so far, with one character for each byte. */
const forms: string[] = []

/**
 * Loads the tokenizer of 'bpe' tokens: GPT-4o's 200,000 byte-pair tokens (o200k_base), from the package gpt-tokenizer.
 * Functions that load texts or models call it themselves; call it before `sequencesFromText`, which is synchronous.
 * @throws DataError if the package is not installed
 */
export async function loadBytePairs(): Promise<void> {
  if (loaded) return
  try {
    const [{ encode }, { default: ranks }] = await Promise.all([
      import('gpt-tokenizer/encoding/o200k_base'),
      import('gpt-tokenizer/bpeRanks/o200k_base'),
    ])
    // Text that looks like a special token, such as <|endoftext|>, is ordinary text here.
    const plain = { disallowedSpecial: new Set<string>() }
    loaded = { encode: (text) => encode(text, plain), ranks }
  } catch (error) {
    throw new DataError(
      `bpe tokens need the package gpt-tokenizer, which cannot be loaded; install it with: npm install gpt-tokenizer (${(error as Error).message})`,
    )
  }
}

/**
 * Matches where a text may be cut without changing its tokens: after a letter and before a character that is not a
 * letter, a mark or an apostrophe. The tokenizer's words always end there.
 */
const BORDER = /(?<=\p{L})(?=[^\p{L}\p{M}'])/u

/**
 * A run of more UTF-16 units than this without such a place is cut anyway, because the time for a word grows with the
 * square of its length. No natural text has such a run.
 */
const LONGEST = 1024

/** Tokens of runs are cached, because most runs recur. The cache is cleared when it holds this many runs. */
const REMEMBERED = 2 ** 15
const remembered = new Map<string, readonly string[]>()

/** A text as byte-pair tokens, with one character for each byte. @throws OptionError before `loadBytePairs` */
export function splitBytePairs(text: string): string[] {
  const tokens: string[] = []
  for (const run of text.split(BORDER)) {
    let made = remembered.get(run)
    if (!made) {
      made = [...slices(run, LONGEST)].flatMap(encodeRun)
      if (remembered.size === REMEMBERED) remembered.clear()
      // The key is a copy, because a slice of a string keeps the whole string in memory.
      if (run.length <= LONGEST) remembered.set(` ${run}`.slice(1), made)
    }
    for (const token of made) tokens.push(token)
  }
  return tokens
}

function encodeRun(run: string): string[] {
  if (!loaded) throw new OptionError('bpe tokens: the tokenizer is not loaded; await loadBytePairs() first')
  const { encode, ranks } = loaded
  return encode(run).map((rank) => {
    forms[rank] ??= formOf(ranks[rank])
    return forms[rank]
  })
}

const formOf = (token: string | readonly number[]): string =>
  typeof token === 'string' ? bytesOf(token) : String.fromCharCode(...token)

/** How many UTF-16 units at the end of a text belong to tokens that the text's continuation may change. */
export function undecidedPairs(text: string): number {
  let run = text
  for (let length = 256; ; length *= 8) {
    const ends = text.slice(-length).split(BORDER)
    run = ends[ends.length - 1]
    if (ends.length > 1 || length >= text.length) break
  }
  return [...slices(run, LONGEST)].at(-1)?.length ?? 0
}

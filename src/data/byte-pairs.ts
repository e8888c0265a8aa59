import { DataError, OptionError } from '../core/errors.js'
import { bytesOf } from './bytes.js'
import { slices } from './text.js'

type Encode = (text: string) => number[]
/** Of each token its text, or its bytes where they are no whole characters. */
type Ranks = readonly (string | readonly number[])[]

let loaded: { encode: Encode; ranks: Ranks } | undefined
/** The bytes of tokens met so far, one character a byte. */
const forms: string[] = []

/**
 * Loads the tokenizer of 'bpe' tokens: GPT-4o's 200,000 byte-pair tokens (o200k_base), of the package gpt-tokenizer.
 * What loads texts or models does so itself; `sequencesFromText`, which cannot wait, needs it before.
 * @throws DataError where the package is not installed
 */
export async function loadBytePairs(): Promise<void> {
  if (loaded) return
  try {
    const [{ encode }, { default: ranks }] = await Promise.all([
      import('gpt-tokenizer/encoding/o200k_base'),
      import('gpt-tokenizer/bpeRanks/o200k_base'),
    ])
    // What looks like a special token, such as <|endoftext|>, is text like any other here.
    const plain = { disallowedSpecial: new Set<string>() }
    loaded = { encode: (text) => encode(text, plain), ranks }
  } catch (error) {
    throw new DataError(
      `bpe tokens need the package gpt-tokenizer, which cannot be loaded; install it with: npm install gpt-tokenizer (${(error as Error).message})`,
    )
  }
}

/**
 * Where a text may be cut without changing its tokens: after a letter, before what is neither a letter, a mark nor an
 * apostrophe. The tokenizer's words end there whatever comes before and after.
 */
const BORDER = /(?<=\p{L})(?=[^\p{L}\p{M}'])/u

/**
 * UTF-16 units beyond which a run without such a place is cut all the same: the time for a word grows with the square
 * of its length. No natural text has such a run.
 */
const LONGEST = 1024

/** Runs whose tokens are remembered, because most come again and again: all are forgotten when there are so many. */
const REMEMBERED = 2 ** 15
const remembered = new Map<string, readonly string[]>()

/** A text as byte-pair tokens, one character a byte. @throws OptionError before `loadBytePairs` */
export function splitBytePairs(text: string): string[] {
  const tokens: string[] = []
  for (const run of text.split(BORDER)) {
    let made = remembered.get(run)
    if (!made) {
      made = [...slices(run, LONGEST)].flatMap(encodeRun)
      if (remembered.size === REMEMBERED) remembered.clear()
      // A copy: what is cut from a text keeps all of it in memory.
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

/** How many UTF-16 units at the end of a text belong to tokens that what comes after it may change. */
export function undecidedPairs(text: string): number {
  let run = text
  for (let length = 256; ; length *= 8) {
    const ends = text.slice(-length).split(BORDER)
    run = ends[ends.length - 1]
    if (ends.length > 1 || length >= text.length) break
  }
  return [...slices(run, LONGEST)].at(-1)?.length ?? 0
}

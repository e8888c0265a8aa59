import { setImmediate } from 'node:timers/promises'
import type { Corpus, SplitCorpus, Vocab } from '../node.js'

/** The number of tokens that are read at once. */
const WINDOW = 65_536

/** How often each token of a vocabulary occurs in a corpus. @throws the signal's reason */
export async function countTokens(corpus: Corpus, vocab: Vocab, signal: AbortSignal): Promise<Float64Array> {
  const counts = new Float64Array(vocab.size)
  for (let at = 0; at < corpus.length; at += WINDOW) {
    signal.throwIfAborted()
    for (const token of corpus.subarray(at, Math.min(corpus.length, at + WINDOW))) counts[token]++
    await setImmediate()
  }
  return counts
}

/**
 * The mean number of characters (Unicode code points) of a token in a text, by which bits per token are divided. A word
 * includes the space before it. Unknown tokens are assumed to be as long as the others; NaN if there are no others.
 */
export function charactersPerToken(counts: Float64Array, vocab: Vocab): number {
  if (vocab.kind === 'char') return 1
  let [characters, tokens] = [0, 0]
  vocab.tokens.forEach((token, i) => {
    if (i === vocab.unk || counts[i] === 0) return
    characters += counts[i] * lengthOf(token, vocab)
    tokens += counts[i]
  })
  return characters / tokens
}

function lengthOf(token: string, { kind }: Vocab): number {
  if (kind === 'word') return [...token].length + 1
  // All bytes of a character except the first have the form 10xxxxxx.
  return [...token].filter((byte) => (byte.charCodeAt(0) & 0xc0) !== 0x80).length
}

/** The end of a corpus, for n-grams to predict, and the rest, to count them on; undefined if the corpus is too short. */
export async function heldOut(corpus: Corpus, part: number): Promise<Required<Omit<SplitCorpus, 'test'>> | undefined> {
  if (part >= 0 && Math.floor(corpus.length * part) < 2) return undefined
  const { splitCorpus } = await import('../node.js')
  const { train, validation } = splitCorpus(corpus, { validation: part })
  return { train, validation: validation! }
}

/** The default length of the longest n-grams. */
export const ordersOf = ({ kind }: Vocab): number => (kind === 'char' || kind === 'byte' ? 6 : 3)

import { DataError } from '../core/errors.js'
import { encodingOf } from '../data/encoding.js'
import { PieceStream } from '../data/pieces.js'
import type { TokenKind } from '../data/text.js'
import { tokenCounter } from '../data/tokens.js'
import { decodeText } from './decode.js'
import { readChunks } from './read-chunks.js'
import type { SourceFile } from './sources.js'

/** Kinds of tokens that are counted in every text. */
export const countedKinds = ['char', 'byte', 'word'] as const

/** Sizes of texts. */
export interface TextFacts {
  files: number
  bytes: number
  /** Unicode code points, without byte order marks. */
  characters: number
  /** Lines, ended by \n, \r\n or \r, or by the end of a file. */
  lines: number
  /** Tokens of the text as it is used, cleaned or not. Null if it has none, or too many different ones for memory. */
  kinds: Record<(typeof countedKinds)[number], { tokens: number; vocabulary: number } | null>
}

/**
 * Counts the characters, lines and tokens of texts in one reading, before they are numbered.
 * @throws DataError for a text that cannot be read or does not fit its encoding; the signal's reason
 */
export async function textFacts(
  files: readonly SourceFile[],
  options: { clean: boolean; encoding?: string; signal?: AbortSignal; onProgress?: (done: number) => void },
): Promise<TextFacts> {
  const { clean, signal, onProgress } = options
  const encoding = encodingOf('textFacts', options.encoding)
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const counts = countedKinds.map((kind) => new KindCount(kind, clean))
  let [bytes, characters, lines] = [0, 0, 0]
  for (const [i, file] of files.entries()) {
    if (i > 0) for (const count of counts) count.add('\n')
    let last = ''
    const observed = async function* () {
      for await (const chunk of readChunks(file.path)) {
        signal?.throwIfAborted()
        bytes += chunk.length
        onProgress?.(bytes / total)
        yield chunk
      }
    }
    for await (const part of decodeText(observed(), file.name, encoding)) {
      for (const count of counts) count.add(part)
      characters += part.length - (part.match(/[\ud800-\udbff]/g)?.length ?? 0)
      lines += part.match(/\r\n|\n|\r/g)?.length ?? 0
      // The parts were cut within a single line end, \r\n.
      if (last === '\r' && part[0] === '\n') lines--
      last = part.at(-1) ?? last
    }
    if (last !== '' && last !== '\n' && last !== '\r') lines++
  }
  const kinds = Object.fromEntries(counts.map((count) => [count.kind, count.result()])) as TextFacts['kinds']
  return { files: files.length, bytes, characters, lines, kinds }
}

/** The most different words that are counted: they take some 500 MB. */
const MOST_WORDS = 2 ** 22

/** Tokens of one kind in a text that comes in parts. */
class KindCount {
  readonly #stream: PieceStream
  readonly #counter
  #ended = false

  constructor(
    readonly kind: TokenKind,
    clean: boolean,
  ) {
    this.#stream = new PieceStream({ tokens: kind, clean }, 'textFacts')
    this.#counter = tokenCounter(kind)
  }

  add(part: string): void {
    if (this.#ended) return
    try {
      this.#counter.add(this.#stream.push(part))
    } catch (error) {
      // A text without spaces has no words.
      if (!(error instanceof DataError)) throw error
      this.#ended = true
    }
    if (this.kind === 'word' && this.#counter.counts().size > MOST_WORDS) this.#ended = true
  }

  result(): { tokens: number; vocabulary: number } | null {
    if (this.#ended) return null
    this.#counter.add(this.#stream.flush())
    const counts = this.#counter.counts()
    let tokens = 0
    for (const count of counts.values()) tokens += count
    return { tokens, vocabulary: counts.size + 1 }
  }
}

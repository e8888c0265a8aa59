import { createHash } from 'node:crypto'
import path from 'node:path'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import { encodingOf } from '../data/encoding.js'
import { checkLoad, checkSome, type EncodeOptions, encodeOptions, parts } from '../data/load.js'
import { PieceStream } from '../data/pieces.js'
import type { Corpus } from '../data/sequences.js'
import type { TextChanges, TokenKind } from '../data/text.js'
import { type Numbers, numbersFor, tokenCounter, tokenEncoder } from '../data/tokens.js'
import { Vocab } from '../data/vocab.js'
import { cacheFolder } from './cache-folder.js'
import { cacheName, readCachedCorpus, writeCorpus } from './corpus-cache.js'
import { decodeText } from './decode.js'
import { FileCorpus } from './file-corpus.js'
import { readChunks } from './read-chunks.js'
import { openSources, type SourceFile, type Sources } from './sources.js'

/** Progress of reading a text. */
export interface CorpusProgress {
  /** A text is read twice: once to count its tokens and once to number them. A cache is read once, to check it. */
  phase: 'counting' | 'encoding' | 'checking'
  /** Bytes read in this phase. */
  done: number
  /** Bytes to read in this phase. */
  total: number
}

/** How texts of any size are read and counted. */
export interface CorpusOptions extends EncodeOptions {
  /**
   * The encoding, by its name in `TextDecoder`, such as 'windows-1252'. Default: UTF-8. A byte order mark always takes
   * precedence.
   */
  encoding?: string
  /** The corpus is cut to this many tokens, after the vocabulary was built from all. Default Infinity. */
  maxTokens?: number
  /** The folder for the tokens of long texts. Default: UNROLLED_CACHE, or the user's cache folder. */
  cacheDir?: string
  /** Token numbers of up to this many bytes stay in memory, and texts of up to this many are not cached. Default 64 MB. */
  maxMemory?: number
  /** Stops the loading, which then fails with the signal's reason. */
  signal?: AbortSignal
  /** Called with the progress of the reading. */
  onProgress?: (progress: CorpusProgress) => void
  /** The stream that the source `-` stands for. Default: process.stdin. */
  stdin?: AsyncIterable<Uint8Array>
}

const corpusOptions: OptionKinds<CorpusOptions> = {
  ...encodeOptions,
  encoding: 'any',
  maxTokens: 'any',
  cacheDir: 'any',
  maxMemory: 'any',
  signal: 'signal',
  onProgress: 'function',
  stdin: 'any',
}

/** A text as numbers, with its vocabulary. */
export interface LoadedCorpus {
  /** A typed array, or for a long text a `FileCorpus`. */
  corpus: Corpus
  vocab: Vocab
  /** One line that says where the text comes from. */
  source: string
  /** Size of the text. */
  bytes: number
  /** Tokens of the corpus that are not in the vocabulary. */
  unknown: number
  /** How much of the text was changed. */
  changes: TextChanges
  /** Closes the file of a long text. Call it when nothing is read from the corpus any more. */
  close(): Promise<void>
}

/**
 * Loads texts of any size as token numbers, with their vocabulary. Sources are files, directories (their .txt files, and
 * those of directories within), patterns such as `books/*.txt`, and `-`, standard input. Texts are used whole and
 * unchanged unless options say otherwise. Memory use stays small whatever the text's length: it is read in pieces, twice,
 * and the numbers of a long text go to a file in the cache folder, which is used again until the text's files change. With
 * 'byte' tokens and no encoding, cleaning or lower case, files are read as raw bytes.
 * @throws DataError for a text that cannot be read, does not fit its encoding, or has no tokens; OptionError for an option
 *   out of range
 */
export async function loadCorpus(
  sources: string | readonly string[] | Sources,
  options: CorpusOptions = {},
): Promise<LoadedCorpus> {
  checkOptions('loadCorpus', options, corpusOptions, parts)
  if (isOpened(sources)) return loadOpened(sources, options, 'loadCorpus')
  return loadSources(sources, options, 'loadCorpus')
}

const isOpened = (sources: unknown): sources is Sources =>
  typeof sources === 'object' && sources !== null && 'files' in sources

/** `loadCorpus` for other functions. @param where the function that the user called, for messages */
export async function loadSources(
  sources: string | readonly string[],
  options: CorpusOptions,
  where: string,
): Promise<LoadedCorpus> {
  // Checked before waiting for standard input.
  checkCorpusOptions(options, where)
  const opened = await openSources(sources, where, options)
  try {
    return await loadOpened(opened, options, where)
  } finally {
    await opened.close()
  }
}

/** @throws OptionError for an option out of range; called before waiting for a text */
export const checkCorpusOptions = (options: CorpusOptions, where: string) => ({
  ...checkLoad(where, options),
  encoding: encodingOf(where, options.encoding),
})

/** `loadCorpus` for texts that are already found, and stay open. */
async function loadOpened(
  { files, description }: Sources,
  options: CorpusOptions,
  where: string,
): Promise<LoadedCorpus> {
  const { maxMemory = 2 ** 26, cacheDir = cacheFolder() } = options
  const { maxTokens, ...checked } = checkCorpusOptions(options, where)
  if (checked.tokens === 'bpe') await loadBytePairs()
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const text: SourceText = { ...options, ...checked, files, source: description, bytes, where }
  const state = JSON.stringify(files.map(({ version }) => version))
  const cache = path.join(cacheDir, cacheName(cacheKey(text, maxTokens)))
  const cached = await readCachedCorpus(cache, state, progressOf(text, 'checking'))
  const { corpus, ...loaded } = cached ?? (await encodeText(text, { maxTokens, maxMemory, cache, state }))
  const { vocab, unknown, changes } = loaded
  const done = { vocab, source: description, bytes, unknown, changes }
  if (!(corpus instanceof FileCorpus)) return { corpus, ...done, close: async () => {} }
  if (corpus.byteLength > maxMemory) return { corpus, ...done, close: async () => corpus.close() }
  // A long text can have few tokens, which then fit into memory.
  const numbers = corpus.subarray(0, corpus.length)
  corpus.close()
  return { corpus: numbers, ...done, close: async () => {} }
}

/** A text, and how to encode it. */
interface SourceText extends CorpusOptions {
  tokens: TokenKind
  files: readonly SourceFile[]
  /** The text's name for people. */
  source: string
  bytes: number
  /** The function that the user called. */
  where: string
}

/** A cache key from the paths of a text's files and the options that make its tokens, but not from the files' content. */
function cacheKey(text: SourceText, maxTokens: number): string {
  const { files, tokens, clean = false, lowercase = false, minFreq, encoding = null, vocab } = text
  const places = files.map((file) => (file.path === file.name ? path.resolve(file.path) : file.name))
  const what = [places, tokens, clean, lowercase, minFreq, encoding, vocab?.tokens ?? null, String(maxTokens)]
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 32)
}

/** Makes a function that is called with the bytes just read and reports the progress. */
function progressOf(
  { signal, onProgress, bytes: total }: SourceText,
  phase: CorpusProgress['phase'],
): (bytes: number, of?: number) => void {
  let done = 0
  return (bytes, of = total) => {
    signal?.throwIfAborted()
    done += bytes
    onProgress?.({ phase, done, total: of })
  }
}

/** A text in pieces of whole tokens. @param stream cuts the text */
async function* piecesOf(
  text: SourceText,
  phase: CorpusProgress['phase'],
  stream = new PieceStream(text, text.where),
): AsyncGenerator<string> {
  const report = progressOf(text, phase)
  const { files, tokens, clean, lowercase, encoding } = text
  const asTheyAre = tokens === 'byte' && !clean && !lowercase && encoding === undefined
  for (const [i, file] of files.entries()) {
    if (i > 0) yield stream.push('\n')
    const chunks = observed(readChunks(file.path), report)
    if (asTheyAre) for await (const chunk of chunks) yield chunk.toString('latin1')
    else for await (const part of decodeText(chunks, file.name, encoding)) yield stream.push(part)
  }
  yield stream.flush()
}

async function* observed(chunks: AsyncIterable<Buffer>, see: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    see(chunk.length)
    yield chunk
  }
}

async function encodeText(
  text: SourceText,
  { maxTokens, maxMemory, cache, state }: { maxTokens: number; maxMemory: number; cache: string; state: string },
): Promise<Pick<LoadedCorpus, 'vocab' | 'unknown' | 'changes'> & { corpus: FileCorpus | Numbers }> {
  const counted = new PieceStream(text, text.where)
  const { vocab, total } = await vocabAndLength(text, counted)
  const length = Math.min(total, maxTokens)
  checkSome(text.source, length, counted.changes)
  const changes = { ...counted.changes, cut: total - length }
  const encode = tokenEncoder(vocab)
  const Numbers = numbersFor(vocab.size)
  /** Passes all numbers to `write`, in arrays that are reused; returns how many are unknown. */
  const fill = async (write: (numbers: Numbers) => Promise<void> | void): Promise<number> => {
    let [left, unknown] = [length, 0]
    for await (const piece of piecesOf(text, 'encoding')) {
      const numbers = encode(piece).subarray(0, left)
      for (let i = 0; i < numbers.length; i++) if (numbers[i] === vocab.unk) unknown++
      await write(new Numbers(numbers))
      left -= numbers.length
      if (left === 0) return unknown
    }
    throw new DataError(`${text.where}: the text became shorter while it was read; load it again`)
  }
  const fits = length * Numbers.BYTES_PER_ELEMENT <= maxMemory
  if (!fits || text.bytes > maxMemory) {
    try {
      return await writeCorpus(cache, { state, vocab, length, changes }, fill)
    } catch (error) {
      // A long text of few tokens fits into memory; without a cache, the next run only has to read it again.
      if (!fits || !(error instanceof DataError)) throw error
    }
  }
  const corpus = new Numbers(length)
  let at = 0
  const unknown = await fill((numbers) => {
    corpus.set(numbers, at)
    at += numbers.length
  })
  return { corpus, vocab, unknown, changes }
}

/** The vocabulary of a text, or the given one, and the number of tokens. @param stream cuts the text */
async function vocabAndLength(text: SourceText, stream: PieceStream): Promise<{ vocab: Vocab; total: number }> {
  const { tokens: kind, minFreq, vocab: given } = text
  if (given) return { vocab: given, total: await countEncoded(text, given, stream) }
  const counter = tokenCounter(kind)
  for await (const piece of piecesOf(text, 'counting', stream)) counter.add(piece)
  const counts = counter.counts()
  const vocab = Vocab.ofCounts(counts, { minFreq, kind })
  // Rare byte-pair tokens are replaced by several shorter ones, which changes the number of tokens.
  if (kind === 'bpe' && vocab.size <= counts.size) return { vocab, total: await countEncoded(text, vocab) }
  let total = 0
  for (const count of counts.values()) total += count
  return { vocab, total }
}

async function countEncoded(text: SourceText, vocab: Vocab, stream?: PieceStream): Promise<number> {
  const encode = tokenEncoder(vocab)
  let total = 0
  for await (const piece of piecesOf(text, 'counting', stream)) total += encode(piece).length
  return total
}

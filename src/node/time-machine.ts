import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import {
  BOOK_TOKENS,
  checkLoad,
  encodeString,
  type LoadedText,
  type LoadOptions,
  loadOptions,
  withSequences,
} from '../data/load.js'
import { removeAbandoned, writeFileAtomic } from './atomic.js'
import { cacheFolder } from './cache-folder.js'
import { type DownloadProgress, download } from './download.js'
import { readText } from './read-text.js'

const FILE = 'timemachine.txt'
const SHA1 = '090b5e7e70c295757f55df93cb0a180b9691891a'
const BYTES = 178_979

/** Where the book's authors publish the file: their data host, and an early edition on GitHub. */
const mirrors = [
  'https://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt',
  'https://d2l-data.s3.amazonaws.com/timemachine.txt',
  'https://raw.githubusercontent.com/d2l-ai/d2l-zh/v0.7/data/timemachine.txt',
  'http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt',
]

/** Options for finding The Time Machine. */
export interface FindOptions {
  /** The path of the book's text, if you have it. */
  path?: string
  /** The folder where a download is kept. Default: UNROLLED_CACHE, or the user's cache folder. */
  cacheDir?: string
  /** Addresses to try, in this order. Default: those of the book's authors; none under UNROLLED_OFFLINE=1. */
  mirrors?: readonly string[]
  /** SHA-1 that a downloaded or cached file must have. */
  sha1?: string
  /** Milliseconds to wait for an answer from any of them. Default 3000. */
  timeout?: number
  /** Called with the progress of the download. */
  onProgress?: (progress: DownloadProgress) => void
  /** Ends the search, which then fails with the signal's reason. */
  signal?: AbortSignal
}

const findOptions: OptionKinds<FindOptions> = {
  path: 'any',
  cacheDir: 'any',
  mirrors: 'any',
  sha1: 'any',
  timeout: 'any',
  onProgress: 'function',
  signal: 'signal',
}

/** The text that was found. */
export interface FoundText {
  text: string
  /** The title of the book; for a file that was named, its name. */
  title: string
  /** One line that says where the text comes from. */
  source: string
}

/** Options for finding The Time Machine, cutting it and making batches. */
export interface TimeMachineOptions extends LoadOptions, FindOptions {}

const timeMachineOptions: OptionKinds<TimeMachineOptions> = { ...loadOptions, ...findOptions }

/** The book as batches, with its vocabulary and where it came from. */
export interface LoadedBook extends LoadedText {
  /** One line that says where the text comes from. */
  source: string
}

/**
 * *The Time Machine* as batches of token numbers: the book's `load_data_time_machine`. Unless options say otherwise, it
 * is cleaned and cut to 10,000 tokens as in the book. See `findTimeMachine`.
 * @throws DataError if `path` cannot be read, or the text is too short for one batch
 */
export async function loadTimeMachine(options: TimeMachineOptions = {}): Promise<LoadedBook> {
  checkOptions('loadTimeMachine', options, timeMachineOptions)
  const { clean = true, maxTokens = BOOK_TOKENS } = options
  if (checkLoad('loadTimeMachine', options).tokens === 'bpe') await loadBytePairs()
  const { text, source } = await findText(options)
  const loaded = encodeString(text, { ...options, clean, maxTokens }, 'loadTimeMachine')
  return { ...withSequences(loaded, options, 'loadTimeMachine'), source }
}

/**
 * Finds the text of *The Time Machine*, with its title and one line that says where it comes from. It looks at `path`, in the cache
 * folder, in the folder UNROLLED_DATA, and on the book's servers; without a network it uses the first chapters of
 * *Moby Dick*, which come with the library.
 * @throws DataError if `path` cannot be read, or if a bundled program was shipped without the package's Moby Dick
 */
export async function findTimeMachine(options: FindOptions = {}): Promise<FoundText> {
  checkOptions('findTimeMachine', options, findOptions)
  return findText(options)
}

async function findText(options: FindOptions): Promise<FoundText> {
  const title = 'The Time Machine'
  const { cacheDir = cacheFolder(), sha1 = SHA1, timeout = 3000, onProgress, signal } = options
  if (options.path !== undefined) {
    return {
      text: await readText(options.path, { signal }),
      title: path.parse(options.path).name,
      source: options.path,
    }
  }
  const cached = path.join(cacheDir, FILE)
  const kept = await readFile(cached).catch(() => undefined)
  if (kept && createHash('sha1').update(kept).digest('hex') === sha1) {
    return { text: kept.toString('utf8'), title, source: `${title} (${cached})` }
  }
  const folder = process.env.UNROLLED_DATA
  if (folder) {
    const file = path.join(folder, FILE)
    const text = await readText(file).catch(() => undefined)
    if (text !== undefined) return { text, title, source: `${title} (${file})` }
  }
  const addresses = options.mirrors ?? (process.env.UNROLLED_OFFLINE ? [] : mirrors)
  const bytes = await download(addresses, { sha1, timeout, maxBytes: 10 * BYTES, onProgress, signal })
  if (bytes) {
    await removeAbandoned(cacheDir, (name) => name === FILE)
    // If the cache cannot be written, this run still has its text; the next one downloads it again.
    const saved = await writeFileAtomic(cached, bytes).then(
      () => cached,
      () => 'not cached',
    )
    return { text: Buffer.from(bytes).toString('utf8'), title, source: `${title} (downloaded; ${saved})` }
  }
  const embedded = await readMobyDick()
  const why = addresses.length > 0 ? `${title} could not be downloaded` : 'offline'
  if (embedded === undefined) {
    throw new DataError(
      `findTimeMachine: no text was found (${why}, and this program lacks the package's data/moby-dick.txt.br); give the path of one, or set UNROLLED_DATA to a folder with ${FILE}`,
    )
  }
  return {
    text: embedded,
    title: 'Moby Dick',
    source: `Moby Dick, which comes with the library (${why}; set UNROLLED_DATA to a folder with ${FILE})`,
  }
}

/** The novel that comes with the package; undefined in a bundled program that was shipped without it. */
export async function readMobyDick(): Promise<string | undefined> {
  // A module bundled as CommonJS does not know its own address.
  if (!import.meta.url) return undefined
  const file = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../data/moby-dick.txt.br')
  const bytes = await readFile(file).catch(() => undefined)
  return bytes && brotliDecompressSync(bytes).toString('utf8')
}

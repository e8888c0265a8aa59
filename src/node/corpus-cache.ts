import { createHash } from 'node:crypto'
import { open, readdir, rm, stat, utimes } from 'node:fs/promises'
import path from 'node:path'
import { DataError } from '../core/errors.js'
import { whyNotWritten } from '../core/refusal.js'
import type { TextChanges } from '../data/text.js'
import { type Numbers, numbersFor } from '../data/tokens.js'
import { Vocab } from '../data/vocab.js'
import { removeAbandoned, writeFileAtomic } from './atomic.js'
import { FileCorpus } from './file-corpus.js'
import { readChunks } from './read-chunks.js'

// A cache file holds the token numbers, a record of them as JSON, the length of that JSON in four bytes, the SHA-256 of
// everything before, and a word that identifies the format.

const MAGIC = Buffer.from('unrolled corpus2')
const END = 4 + 32 + MAGIC.length
/** The largest JSON that is read, in bytes: more than any vocabulary has. */
const MOST_JSON = 2 ** 28

/** The record of the text in a cache file. */
export interface CorpusRecord {
  /** Identifies the state of the sources; if it differs now, the file is out of date. */
  state: string
  vocab: Vocab
  /** Number of tokens. */
  length: number
  /** Tokens that are not in the vocabulary. */
  unknown: number
  changes: TextChanges
}

export interface CachedCorpus extends CorpusRecord {
  corpus: FileCorpus
}

/** Milliseconds without use after which a cache file is removed. */
const KEPT = 90 * 24 * 3600 * 1000

/**
 * The name of a cache file.
 * @param key hexadecimal
 */
export const cacheName = (key: string): string => `corpus-${key}.bin`
const NAME = /^corpus-[0-9a-f]+\.bin$/

/**
 * Removes files from a cache folder that nobody needs any more: half-written ones of killed processes, and those not used
 * for 90 days. A file in use stays readable, because only its name goes. Failures are ignored.
 */
async function tidy(folder: string): Promise<void> {
  await removeAbandoned(folder, (name) => NAME.test(name))
  for (const name of await readdir(folder).catch(() => [])) {
    if (!NAME.test(name)) continue
    const file = path.join(folder, name)
    const info = await stat(file).catch(() => undefined)
    if (info && Date.now() - info.mtimeMs > KEPT) await rm(file).catch(() => undefined)
  }
}

/**
 * Writes a cache file, whole or not at all.
 * @param fill writes all numbers, some at a time, and returns how many are unknown
 * @throws DataError if the disk is full or the folder cannot be written
 */
export async function writeCorpus(
  file: string,
  record: Omit<CorpusRecord, 'unknown'>,
  fill: (write: (numbers: Numbers) => Promise<void>) => Promise<number>,
): Promise<CachedCorpus> {
  const { vocab, length } = record
  await tidy(path.dirname(file))
  try {
    let unknown = 0
    await writeFileAtomic(file, async (handle) => {
      const hash = createHash('sha256')
      const write = async (bytes: Uint8Array) => {
        hash.update(bytes)
        await handle.writeFile(bytes)
      }
      unknown = await fill((numbers) => write(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)))
      const { kind, tokens } = vocab
      const json = Buffer.from(JSON.stringify({ ...record, unknown, vocab: { kind, tokens } }))
      const size = Buffer.alloc(4)
      size.writeUInt32LE(json.length)
      await write(json)
      await write(size)
      await handle.writeFile(Buffer.concat([hash.digest(), MAGIC]))
    })
    return { ...record, unknown, corpus: new FileCorpus(file, numbersFor(vocab.size), length) }
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    const [folder, size] = [path.dirname(file), length * numbersFor(vocab.size).BYTES_PER_ELEMENT]
    const what = `the tokens of this text take ${(size / 1e6).toFixed(0)} MB there`
    throw new DataError(
      code === 'ENOSPC' || code === 'EDQUOT'
        ? `${folder}: the disk is full: ${what}; free some space, or set UNROLLED_CACHE to a folder that has it`
        : `${folder}: the folder cannot be written, because ${whyNotWritten({ code, message })}: ${what}; set UNROLLED_CACHE to another`,
    )
  }
}

/**
 * The corpus of a cache file; undefined if there is none, it belongs to another state of the sources, or it is damaged.
 * @param onBytes is told how many more bytes were checked, and of how many; an error that it throws ends the reading
 */
export async function readCachedCorpus(
  file: string,
  state: string,
  onBytes: (count: number, of: number) => void,
): Promise<CachedCorpus | undefined> {
  try {
    const found = await readRecord(file)
    if (!found || found.record.state !== state) return undefined
    const hash = createHash('sha256')
    let left = found.hashed
    for await (const chunk of readChunks(file)) {
      hash.update(chunk.subarray(0, left))
      onBytes(Math.min(left, chunk.length), found.hashed)
      left -= chunk.length
      if (left <= 0) break
    }
    if (!hash.digest().equals(found.sha256)) return undefined
    const { vocab, ...record } = found.record
    const { kind, tokens } = vocab
    const made = Vocab.of(tokens, kind)
    // Records the time of its last use.
    await utimes(file, new Date(), new Date()).catch(() => undefined)
    await tidy(path.dirname(file))
    return { ...record, vocab: made, corpus: new FileCorpus(file, numbersFor(made.size), record.length) }
  } catch (error) {
    // A cache that cannot be read, for whatever reason, is made again.
    if (error instanceof DataError || error instanceof SyntaxError || (error as NodeJS.ErrnoException).syscall) {
      return undefined
    }
    throw error
  }
}

type SavedRecord = Omit<CorpusRecord, 'vocab'> & { vocab: Pick<Vocab, 'kind' | 'tokens'> }

async function readRecord(file: string): Promise<{ record: SavedRecord; sha256: Buffer; hashed: number } | undefined> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const end = Buffer.alloc(END)
    if (size < END) return undefined
    await handle.read(end, 0, END, size - END)
    if (!end.subarray(36).equals(MAGIC)) return undefined
    const length = end.readUInt32LE(0)
    if (length > Math.min(size - END, MOST_JSON)) return undefined
    const json = Buffer.alloc(length)
    await handle.read(json, 0, json.length, size - END - json.length)
    return { record: JSON.parse(json.toString()), sha256: end.subarray(4, 36), hashed: size - END + 4 }
  } finally {
    await handle.close()
  }
}

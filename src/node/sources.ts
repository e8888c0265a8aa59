import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { addAbortSignal, Readable } from 'node:stream'
import { DataError } from '../core/errors.js'
import { unreadable } from './read-chunks.js'

/** A text file, or a copy of what can be read only once. */
export interface SourceFile {
  /** Where it is read. */
  path: string
  /** As the user knows it, for messages. */
  name: string
  bytes: number
  /** What changes when the content does. */
  version: string
}

export interface Sources {
  files: readonly SourceFile[]
  /** One line that says where the text comes from. */
  description: string
  /** Removes copies. */
  close(): Promise<void>
}

/**
 * Finds the files of texts: files, directories (their .txt files, in the order of their names), patterns such as
 * `books/*.txt`, and `-`, standard input. What is no regular file, such as standard input or a pipe, is copied to a
 * temporary one, because a text is read twice.
 * @throws DataError where there is none, or one cannot be read
 */
export async function openSources(
  sources: string | readonly string[],
  { signal, stdin }: { signal?: AbortSignal; stdin?: AsyncIterable<Uint8Array> } = {},
): Promise<Sources> {
  const given: readonly string[] = typeof sources === 'string' ? [sources] : sources
  if (given.length === 0) throw new DataError('loadText: no text is named, expected a file, a directory or a pattern')
  if (given.indexOf('-') !== given.lastIndexOf('-')) {
    throw new DataError("loadText: '-', standard input, is named twice, expected once")
  }
  const copies: string[] = []
  const close = async () => {
    for (const copy of copies) await rm(copy, { recursive: true, force: true })
  }
  const copied = async (stream: AsyncIterable<Uint8Array>, name: string): Promise<SourceFile> => {
    const folder = await mkdtemp(path.join(tmpdir(), 'unrolled-'))
    copies.push(folder)
    return copy(stream, path.join(folder, 'text'), name, signal)
  }
  try {
    const files: SourceFile[] = []
    const names: string[] = []
    for (const source of given) {
      const before = files.length
      if (source === '-') files.push(await copied(stdin ?? process.stdin, 'standard input'))
      else {
        for (const file of await listFiles(source)) {
          const info = await describe(file)
          if (info.isFile()) {
            const version = `${info.size} ${info.mtimeNs}`
            files.push({ path: file, name: file, bytes: Number(info.size), version })
          } else if (info.isDirectory()) throw unreadable(file, Object.assign(new Error(), { code: 'EISDIR' }))
          else files.push(await copied(createReadStream(file), file))
        }
      }
      const several = files.length - before > 1 ? ` (${files.length - before} files)` : ''
      names.push((source === '-' ? 'standard input' : source) + several)
    }
    return { files, description: names.join(', '), close }
  } catch (error) {
    await close()
    throw error
  }
}

const describe = (file: string) =>
  stat(file, { bigint: true }).catch((error) => {
    throw unreadable(file, error)
  })

async function listFiles(source: string): Promise<string[]> {
  // A file may have the name of a pattern.
  const info = await stat(source).catch(() => undefined)
  if (!info && /[*?[\]{}()!]/.test(source)) {
    const files = await filesLike(source)
    if (files.length === 0) throw new DataError(`${source}: no file has a name like this, expected at least one`)
    return files.map(path.normalize).sort()
  }
  if (!info?.isDirectory()) return [source]
  const names = await readdir(source).catch((error) => {
    throw unreadable(source, error)
  })
  const texts = names.filter((name) => name.endsWith('.txt')).sort()
  if (texts.length === 0) throw new DataError(`${source}: the directory has no .txt files, expected at least one`)
  return texts.map((name) => path.join(source, name))
}

async function filesLike(pattern: string): Promise<string[]> {
  // Loaded here, because it cannot be where esbuild has made CommonJS of it: it asks for its own address.
  const { glob, isDynamicPattern } = await import('tinyglobby').catch(() => {
    throw new DataError(
      `${pattern}: patterns do not work in a program that esbuild bundled as CommonJS; name files or directories, or bundle it as ES modules`,
    )
  })
  return isDynamicPattern(pattern) ? glob(pattern, { expandDirectories: false }) : [pattern]
}

async function copy(
  stream: AsyncIterable<Uint8Array>,
  file: string,
  name: string,
  signal?: AbortSignal,
): Promise<SourceFile> {
  const hash = createHash('sha256')
  let bytes = 0
  // Standard input may keep still for ever.
  if (signal && stream instanceof Readable) addAbortSignal(signal, stream)
  const handle = await open(file, 'w')
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted()
      hash.update(chunk)
      await handle.writeFile(chunk)
      bytes += chunk.length
    }
  } catch (error) {
    signal?.throwIfAborted()
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC') {
      throw new DataError(
        `${name}: the disk is full: a text that can be read only once is copied to ${tmpdir()}; free some space, set TMPDIR to another folder, or give a file`,
      )
    }
    if (code !== undefined && typeof code === 'string') throw new DataError(`${name}: it cannot be read (${message})`)
    throw error
  } finally {
    await handle.close()
  }
  return { path: file, name, bytes, version: `${bytes} ${hash.digest('hex')}` }
}

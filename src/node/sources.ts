import { createHash } from 'node:crypto'
import { mkdir, open as openFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DataError } from '../core/errors.js'
import { whyNotWritten } from '../core/refusal.js'
import { beside, removeAbandoned } from './atomic.js'
import { checkPath } from './path-argument.js'
import { openPipe, until } from './pipe.js'
import { unreadable } from './read-chunks.js'

/** The beginning of the names of folders for copies. */
const COPY = 'unrolled-text'

/** A text file, or a temporary copy of a source that can be read only once. */
export interface SourceFile {
  /** The path from which it is read. */
  path: string
  /** The name that the user gave, for messages. */
  name: string
  bytes: number
  /** Changes whenever the content does. */
  version: string
}

/** Texts that were found, and can be read as often as needed until they are closed. */
export interface Sources {
  files: readonly SourceFile[]
  /** One line that says where the text comes from. */
  description: string
  /** Removes copies. */
  close(): Promise<void>
}

/**
 * Finds the files of texts: files, directories (their .txt files and those of directories within, in the order of
 * their paths), patterns such as `books/*.txt`, and `-`, standard input. Standard input, pipes and the like are copied to
 * a temporary file, because a text is read twice.
 * @param where the function that the user called, for messages
 * @throws DataError if there is no file, or one cannot be read
 */
export async function openSources(
  sources: string | readonly string[],
  where: string,
  { signal, stdin }: { signal?: AbortSignal; stdin?: AsyncIterable<Uint8Array> } = {},
): Promise<Sources> {
  const given: readonly string[] = Array.isArray(sources) ? sources : [sources]
  if (given.length === 0) throw new DataError(`${where}: no text is named, expected a file, a directory or a pattern`)
  if (given.indexOf('-') !== given.lastIndexOf('-')) {
    throw new DataError(`${where}: '-', standard input, is named twice, expected once`)
  }
  for (const source of given) checkPath(where, 'a source', source)
  signal?.throwIfAborted()
  const copies: string[] = []
  const close = async () => {
    for (const copy of copies) await rm(copy, { recursive: true, force: true })
  }
  const copied = async (open: () => AsyncIterable<Uint8Array>, name: string): Promise<SourceFile> => {
    // A killed process leaves its copy behind, which may be large.
    await removeAbandoned(tmpdir(), (name) => name === COPY)
    const folder = beside(path.join(tmpdir(), COPY))
    await mkdir(folder, { mode: 0o700 }).catch((error) => {
      throw uncopied(name, error)
    })
    copies.push(folder)
    return copyToFile(open, path.join(folder, 'text'), name, signal)
  }
  try {
    const files: SourceFile[] = []
    const names: string[] = []
    for (const source of given) {
      const before = files.length
      if (source === '-') files.push(await copied(() => stdin ?? process.stdin, 'standard input'))
      else {
        for (const file of await listFiles(source)) {
          const info = await fileStats(file)
          if (info.isFile()) {
            // A change can restore the size and the modification time, but not the others.
            const version = [info.size, info.mtimeNs, info.ctimeNs, info.ino].join(' ')
            files.push({ path: file, name: file, bytes: Number(info.size), version })
          } else if (info.isCharacterDevice() || info.isBlockDevice()) {
            // One such as /dev/zero has no end.
            throw new DataError(`${file}: it is a device, expected a file; standard input is -`)
          } else if (info.isDirectory()) throw unreadable(file, Object.assign(new Error(), { code: 'EISDIR' }))
          else if (info.isSocket()) throw new DataError(`${file}: it is a socket, expected a file`)
          else files.push(await copied(() => openPipe(file), file))
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

const fileStats = (file: string) =>
  stat(file, { bigint: true }).catch((error) => {
    throw unreadable(file, error)
  })

async function listFiles(source: string): Promise<string[]> {
  // The name of a file may look like a pattern.
  const info = await stat(source).catch(() => undefined)
  if (!info && /[*?[\]{}()!]/.test(source)) {
    const files = await filesLike(source)
    if (files.length === 0) throw new DataError(`${source}: no file has a name like this, expected at least one`)
    return files.map(path.normalize).sort()
  }
  if (!info?.isDirectory()) return [source]
  const texts = (await textsIn(source)).sort()
  if (texts.length === 0) {
    throw new DataError(
      `${source}: the directory has no .txt files, nor have those within it, expected at least one that is not hidden`,
    )
  }
  return texts.map((name) => path.join(source, name))
}

/**
 * The .txt files of a directory and of those within it, as relative paths with `/` between names. Hidden files are left
 * out. A directory that several links lead to, or that contains a link to itself, is searched once.
 */
async function textsIn(directory: string, within = '', seen = new Set<string>()): Promise<string[]> {
  const { dev, ino } = await fileStats(directory)
  if (seen.has(`${dev} ${ino}`)) return []
  seen.add(`${dev} ${ino}`)
  const names = await readdir(directory).catch((error) => {
    throw unreadable(directory, error)
  })
  const texts: string[] = []
  for (const name of names.filter((name) => !name.startsWith('.')).sort()) {
    const place = path.join(directory, name)
    const info = await stat(place).catch(() => undefined)
    if (info?.isDirectory()) for (const text of await textsIn(place, `${within}${name}/`, seen)) texts.push(text)
    else if (/\.txt$/i.test(name)) texts.push(within + name)
  }
  return texts
}

async function filesLike(pattern: string): Promise<string[]> {
  // Loaded only here, because it cannot be loaded in a program that esbuild bundled as CommonJS: it needs its own address.
  const { glob, isDynamicPattern } = await import('tinyglobby').catch(() => {
    throw new DataError(
      `${pattern}: patterns do not work in a program that esbuild bundled as CommonJS; name files or directories, or bundle it as ES modules`,
    )
  })
  return isDynamicPattern(pattern) ? glob(pattern, { expandDirectories: false }) : [pattern]
}

/** @param open begins the reading: what is opened here is closed here, too, also if there is no room for the copy */
async function copyToFile(
  open: () => AsyncIterable<Uint8Array>,
  file: string,
  name: string,
  signal?: AbortSignal,
): Promise<SourceFile> {
  const hash = createHash('sha256')
  let bytes = 0
  const handle = await openFile(file, 'w').catch((error) => {
    throw uncopied(name, error)
  })
  try {
    for await (const chunk of until(signal, open)) {
      signal?.throwIfAborted()
      hash.update(chunk)
      await handle.writeFile(chunk).catch((error) => {
        throw uncopied(name, error)
      })
      bytes += chunk.length
    }
  } catch (error) {
    signal?.throwIfAborted()
    const { code, message } = error as NodeJS.ErrnoException
    if (typeof code === 'string' && !(error instanceof DataError)) {
      throw new DataError(`${name}: it cannot be read (${message})`)
    }
    throw error
  } finally {
    await handle.close()
  }
  return { path: file, name, bytes, version: `${bytes} ${hash.digest('hex')}` }
}

/** The error of a text for whose copy there is no place. */
const uncopied = (name: string, error: NodeJS.ErrnoException): DataError =>
  new DataError(
    `${name}: a text that can be read only once is copied to ${tmpdir()}, where it cannot be written, because ${whyNotWritten(error)}; ${error.code === 'ENOSPC' ? 'free some space, ' : ''}set TMPDIR to another folder, or give a file`,
  )

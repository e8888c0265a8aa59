import { DataError } from '../core/errors.js'

// The file system that browsers keep for each site (OPFS). A file is written to a temporary copy, which replaces the
// old file when it is closed, so that at every instant the old or the new one is there whole.

/** The directory at a path, which is created if it does not exist. @throws DataError if there is no room for it */
export async function folderOf(path: readonly string[]): Promise<FileSystemDirectoryHandle> {
  let folder = await root()
  try {
    for (const name of path) folder = await folder.getDirectoryHandle(name, { create: true })
    return folder
  } catch (error) {
    if ((error as Error).name === 'QuotaExceededError') throw noRoom(path.join('/'), 0, error as Error)
    throw error
  }
}

/** The directory at a path; undefined if it does not exist. */
export async function folderAt(path: readonly string[]): Promise<FileSystemDirectoryHandle | undefined> {
  let folder = await root()
  try {
    for (const name of path) folder = await folder.getDirectoryHandle(name)
    return folder
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') return undefined
    throw error
  }
}

async function root(): Promise<FileSystemDirectoryHandle> {
  try {
    return await navigator.storage.getDirectory()
  } catch (error) {
    throw new DataError(
      `the browser's file system is not available here (${(error as Error).message}); expected a page of https or localhost whose site may keep data`,
      [],
      'no-files',
    )
  }
}

/** The ending of temporary files that Chromium writes before they replace another file. */
const SWAP = '.crswap'

/** The names of the files in a directory that are not empty. */
export async function filesIn(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const entries = folder as unknown as AsyncIterable<[string, FileSystemHandle]>
  const names: string[] = []
  for await (const [name, handle] of entries) {
    if (handle.kind === 'file' && !name.endsWith(SWAP) && (await fileIn(folder, name))) names.push(name)
  }
  return names
}

/**
 * A file in its current state; undefined if there is none. An empty file counts as missing: a tab that is closed while
 * it writes a new file leaves an empty one.
 */
export async function fileIn(folder: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
  try {
    const file = await (await folder.getFileHandle(name)).getFile()
    return file.size > 0 ? file : undefined
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') return undefined
    throw error
  }
}

/** The size of a file in bytes; 0 if there is none. */
export const sizeIn = async (folder: FileSystemDirectoryHandle, name: string): Promise<number> =>
  (await fileIn(folder, name))?.size ?? 0

/**
 * Writes a whole file.
 * @param shown its name in messages
 * @throws DataError if there is no room; the file then stays as it was
 */
export async function writeTo(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array,
  shown: string,
): Promise<void> {
  await replaced(folder, name, shown, bytes.length, false, (file) => file.write(bytes as Uint8Array<ArrayBuffer>))
}

/**
 * Cuts a file to its first `kept` bytes, and appends bytes to them; creates the file if it is missing.
 * @param shown its name, for messages
 * @throws DataError if there is no room; the file then stays as it was
 */
export async function appendTo(
  folder: FileSystemDirectoryHandle,
  name: string,
  kept: number,
  bytes: Uint8Array,
  shown: string,
): Promise<void> {
  const handle = (await folder.getFileHandle(name, { create: true })) as FileSystemFileHandle & InWorkers
  if (!handle.createSyncAccessHandle) {
    await replaced(folder, name, shown, bytes.length, true, async (file) => {
      await file.truncate(kept)
      await file.write({ type: 'write', position: kept, data: bytes as Uint8Array<ArrayBuffer> })
    })
    return
  }
  // Workers can write into the file itself, without a copy of what it holds.
  const file = await handle.createSyncAccessHandle().catch((error: Error) => {
    throw noRoom(shown, bytes.length, error)
  })
  try {
    file.truncate(kept)
    if (file.write(bytes, { at: kept }) < bytes.length) throw new DOMException('', 'QuotaExceededError')
    file.flush()
    // Chromium's private windows count bytes as written for which there was no room.
    if (file.getSize() < kept + bytes.length) throw new DOMException('', 'QuotaExceededError')
  } catch (error) {
    file.truncate(kept)
    throw noRoom(shown, bytes.length, error as Error)
  } finally {
    file.close()
  }
}

/** The method that a file handle has only in workers. */
interface InWorkers {
  createSyncAccessHandle?(): Promise<{
    truncate(size: number): void
    write(bytes: Uint8Array, options: { at: number }): number
    flush(): void
    getSize(): number
    close(): void
  }>
}

/** Lets `work` write to a copy of a file, or to a new one, which replaces the file once everything is written. */
async function replaced(
  folder: FileSystemDirectoryHandle,
  name: string,
  shown: string,
  length: number,
  keepExistingData: boolean,
  work: (file: FileSystemWritableFileStream) => Promise<void>,
): Promise<void> {
  let writable: FileSystemWritableFileStream | undefined
  try {
    const handle = await folder.getFileHandle(name, { create: true })
    writable = await handle.createWritable({ keepExistingData })
    await work(writable)
    await writable.close()
  } catch (error) {
    await writable?.abort().catch(() => undefined)
    // Opening a new file for writing created it, empty.
    if ((await sizeIn(folder, name)) === 0) await removeFrom(folder, name).catch(() => undefined)
    throw noRoom(shown, length, error as Error)
  }
}

function noRoom(shown: string, length: number, { name, message }: Error): DataError {
  const isFull = name === 'QuotaExceededError'
  const [why, advice] = isFull
    ? ['the site has no more room', 'remove what is no longer needed, or ask for more with navigator.storage.persist()']
    : [message, 'try again']
  return new DataError(
    `${shown}: ${length} bytes cannot be written to the browser's file system (${why}); ${advice}`,
    [],
    isFull ? 'no-room' : undefined,
  )
}

/** Removes a file, or a folder with everything in it; a missing one is no error. */
export async function removeFrom(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await folder.removeEntry(name, { recursive: true })
  } catch (error) {
    if ((error as Error).name !== 'NotFoundError') throw error
  }
}

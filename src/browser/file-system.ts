import { DataError } from '../core/errors.js'

// The file system that browsers keep for each site (OPFS). A file is written to a temporary place and replaces the old one
// when it is closed, so that it is whole at every instant.

/** The directory at a path, which is created if it does not exist. */
export async function folderOf(path: readonly string[]): Promise<FileSystemDirectoryHandle> {
  let folder = await root()
  for (const name of path) folder = await folder.getDirectoryHandle(name, { create: true })
  return folder
}

async function root(): Promise<FileSystemDirectoryHandle> {
  try {
    return await navigator.storage.getDirectory()
  } catch (error) {
    throw new DataError(
      `the browser's file system is not available here (${(error as Error).message}); expected a page of https or localhost whose site may keep data`,
    )
  }
}

/** The names of the files in a directory. */
export async function filesIn(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const entries = folder as unknown as AsyncIterable<[string, FileSystemHandle]>
  const names: string[] = []
  for await (const [name, handle] of entries) if (handle.kind === 'file') names.push(name)
  return names
}

/** A file in its current state; undefined if there is none. */
export async function fileIn(folder: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
  try {
    return await (await folder.getFileHandle(name)).getFile()
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') return undefined
    throw error
  }
}

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
  let writable: FileSystemWritableFileStream | undefined
  try {
    const handle = await folder.getFileHandle(name, { create: true })
    writable = await handle.createWritable()
    await writable.write(bytes as Uint8Array<ArrayBuffer>)
    await writable.close()
  } catch (error) {
    await writable?.abort().catch(() => undefined)
    const { name: kind, message } = error as Error
    const [why, advice] =
      kind === 'QuotaExceededError'
        ? [
            'the site has no more room',
            'remove what is no longer needed, or ask for more with navigator.storage.persist()',
          ]
        : [message, 'try again']
    throw new DataError(
      `${shown}: ${bytes.length} bytes cannot be written to the browser's file system (${why}); ${advice}`,
    )
  }
}

/** Removes a file; a missing one is no error. */
export async function removeFrom(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await folder.removeEntry(name)
  } catch (error) {
    if ((error as Error).name !== 'NotFoundError') throw error
  }
}

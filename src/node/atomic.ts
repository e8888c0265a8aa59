import { randomUUID } from 'node:crypto'
import { mkdir, rename } from 'node:fs/promises'
import path from 'node:path'
import { open, readdir, rm, stat } from './files.js'
import { beginOf, hostMark, isAlive } from './process.js'

/** A path next to another, to which only this process writes. Its name tells which process it belongs to. */
export const beside = (place: string, ending: 'tmp' | 'previous' = 'tmp'): string => {
  owner ??= `${hostMark()}-${process.pid}-${beginOf('self')}`
  return `${place}.${owner}-${randomUUID().slice(0, 8)}.${ending}`
}

let owner: string | undefined

/** Matches the parts of a name that `beside` made; names from its first version have no owner. */
export const BESIDE =
  /^(?<base>.+)\.(?:(?<host>[0-9a-f]{8})-(?<pid>\d+)-(?<began>\d*)-)?[0-9a-f]{8}\.(?<kind>tmp|previous)$/s

/** Milliseconds after which a temporary file counts as abandoned if its owner is on another machine and cannot be checked. */
const ABANDONED_AFTER = 24 * 3600 * 1000

/**
 * Removes the temporary files and folders that processes left in a folder when they were killed, never those of a
 * process that still runs. Whatever cannot be removed stays, without an error.
 * @param isOurs whether a temporary file or folder made for this name may be removed
 */
export async function removeAbandoned(folder: string, isOurs: (name: string) => boolean): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const { base = '', host, pid, began = '', kind } = BESIDE.exec(name)?.groups ?? {}
    if (kind !== 'tmp' || !isOurs(base)) continue
    const place = path.join(folder, name)
    const abandoned = host === hostMark() ? !isAlive(Number(pid), began) : await isOld(place)
    if (abandoned) await rm(place, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Called before something is written again, to make room for it. */
const removeAbandonedBeside = (place: string): Promise<void> =>
  removeAbandoned(path.dirname(place), (name) => name === path.basename(place))

const isOld = async (place: string): Promise<boolean> => {
  const info = await stat(place).catch(() => undefined)
  return info !== undefined && Date.now() - info.mtimeMs > ABANDONED_AFTER
}

/**
 * Makes a folder and its missing parent folders. Node's recursive mkdir never ends on file systems that do not allow
 * new folders, such as /proc.
 */
export async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return true
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
  if (made) return
  const around = path.dirname(folder)
  if (await stat(around).catch(() => undefined)) return mkdir(folder)
  await makeFolder(around)
  await mkdir(folder)
}

/** A file that is open for writing. */
export interface WritableFile {
  /** Appends bytes to those already written. */
  writeFile(bytes: Uint8Array): Promise<void>
}

/**
 * Writes a whole file or nothing: first a temporary file next to it, which is flushed to the disk and then renamed to
 * replace it. If two processes write the same file at once, one of them wins, and the file is still whole.
 */
export async function writeFileAtomic(
  file: string,
  data: string | Uint8Array | ((file: WritableFile) => Promise<void>),
): Promise<void> {
  await makeFolder(path.dirname(file))
  await removeAbandonedBeside(file)
  const temporary = beside(file)
  try {
    await writeFlushed(temporary, data)
    await rename(temporary, file)
    await flushFolder(path.dirname(file))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Writes a file and waits until the disk has it. */
export async function writeFlushed(
  file: string,
  data: string | Uint8Array | ((file: WritableFile) => Promise<void>),
): Promise<void> {
  const handle = await open(file, 'w')
  try {
    await (typeof data === 'function' ? data(handle) : handle.writeFile(data))
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Replaces a folder by one that `fill` writes, by renaming, so that nobody sees a half-written one. At
 * every instant the old or the new one is there whole, at `folder` or, between two renames, where
 * `findReplaced` finds it; several processes may replace it at once.
 */
export async function replaceFolder(folder: string, fill: (made: string) => Promise<void>): Promise<void> {
  await removeAbandonedBeside(folder)
  const made = beside(folder)
  try {
    await makeFolder(made)
    await fill(made)
    await flushFolder(made)
    // Folders that were set aside before the new one is in place are older than it, and can be removed afterwards.
    const older = await setAside(folder)
    older.push(...(await takePlace(made, folder)))
    await flushFolder(path.dirname(folder))
    for (const place of older) await discard(place, folder)
  } catch (error) {
    await rm(made, { recursive: true, force: true })
    throw error
  }
}

/** The newest folder left by a process that was killed while replacing it; undefined if there is none. */
export async function findReplaced(folder: string): Promise<string | undefined> {
  const found: { place: string; time: number }[] = []
  for (const place of await setAside(folder)) {
    const info = await stat(place).catch(() => undefined)
    if (info?.isDirectory()) found.push({ place, time: info.mtimeMs })
  }
  return found.sort((a, b) => b.time - a.time)[0]?.place
}

/** Folders that `takePlace` set aside. */
async function setAside(folder: string): Promise<string[]> {
  const { dir, base } = path.parse(folder)
  const names = await readdir(dir).catch(() => [])
  return names
    .filter((name) => {
      const parts = BESIDE.exec(name)?.groups
      return parts?.kind === 'previous' && parts.base === base
    })
    .map((name) => path.join(dir, name))
}

/** @returns the paths of the folders that were there before */
async function takePlace(made: string, folder: string, attempts = 10): Promise<string[]> {
  const previous = beside(folder, 'previous')
  const moved = await rename(folder, previous).then(
    () => [previous],
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    },
  )
  try {
    await rename(made, folder)
    return moved
  } catch (error) {
    const overtaken = ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')
    if (overtaken && attempts > 1) return [...moved, ...(await takePlace(made, folder, attempts - 1))]
    for (const place of moved) await rename(place, folder).catch(() => undefined)
    throw error
  }
}

/** Removes a folder that was set aside. It is renamed first, so that nobody finds it half removed. */
async function discard(place: string, folder: string): Promise<void> {
  const trash = beside(folder)
  await rename(place, trash).catch(() => undefined)
  await rm(trash, { recursive: true, force: true })
}

/** Flushes a folder's entries to the disk, on systems that can open a folder. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

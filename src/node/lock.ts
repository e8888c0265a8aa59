import { link, rename } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { DataError } from '../core/errors.js'
import { beside, writeFlushed } from './atomic.js'
import { readFile, rm } from './files.js'

/** The file in a training's folder that names the process at work there. */
export const LOCK = 'lock.json'

interface Owner {
  pid: number
  host: string
  /** When the process began, in the system's own words: tells it from a later one of the same number. */
  began: string
}

/**
 * Takes a folder for this process alone. One that was killed leaves its lock behind; that is found out and
 * taken over.
 * @returns gives the folder back
 * @throws DataError where another training is at work there
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const file = path.join(folder, LOCK)
  const own = beside(file)
  const owner: Owner = { pid: process.pid, host: hostname(), began: await beginOf('self') }
  await writeFlushed(own, JSON.stringify(owner))
  try {
    // A link is made by one process only, and never half written.
    for (let attempts = 10; !(await link(own, file).then(() => true, ifExists)); attempts--) {
      if (attempts === 0) throw inUse(folder)
      await removeStale(file, folder)
    }
  } finally {
    await rm(own, { force: true })
  }
  return () => rm(file, { force: true })
}

const ifExists = (error: NodeJS.ErrnoException): false => {
  if (error.code === 'EEXIST') return false
  throw error
}

/** Changes nothing. @throws DataError where another training is at work in the folder */
export async function refuseLocked(folder: string): Promise<void> {
  await readStale(path.join(folder, LOCK), folder)
}

/** The lock that a process left behind; undefined where there is none. @throws DataError for one in force */
async function readStale(file: string, folder: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (['ENOENT', 'ENOTDIR'].includes(error.code ?? '')) return undefined
    throw inUse(folder)
  })
  if (text === undefined) return undefined
  const owner = parse(text)
  if (!owner || owner.host !== hostname() || (await isAlive(owner))) throw inUse(folder, owner)
  return text
}

async function removeStale(file: string, folder: string): Promise<void> {
  const text = await readStale(file, folder)
  if (text === undefined) return
  // Under a name of its own first: of two that find it stale, one gets it, and nobody removes the other's new lock.
  const stale = beside(file)
  const moved = await rename(file, stale).then(
    () => true,
    () => false,
  )
  if (moved && (await readFile(stale, 'utf8')) !== text) await link(stale, file).catch(() => undefined)
  if (moved) await rm(stale, { force: true })
}

function inUse(folder: string, owner?: Owner): DataError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'another process'
  return new DataError(
    `${folder}: ${who} is training there; wait for it, choose another folder, or remove ${LOCK} there if it is gone`,
  )
}

function parse(text: string): Owner | undefined {
  try {
    const { pid, host, began } = JSON.parse(text)
    return Number.isSafeInteger(pid) && pid > 0 ? { pid, host, began } : undefined
  } catch {
    return undefined
  }
}

async function isAlive({ pid, began }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return (await beginOf(pid)) === began
}

/** The start time of a process where the system tells it (Linux: field 22 of /proc/PID/stat), else nothing. */
async function beginOf(pid: number | 'self'): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

import { createHash } from 'node:crypto'
import { link } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { DataError } from '../core/errors.js'
import { beside, writeFlushed } from './atomic.js'
import { readFile, rm } from './files.js'
import { beginOf, isAlive } from './process.js'

/** The file in a training's folder that names the process that uses it. */
export const LOCK = 'lock.json'

interface Owner {
  pid: number
  host: string
  /** When the process began, as the system reports it, to tell it from a later process with the same number. */
  began: string
}

/**
 * Locks a folder for this process. A killed process leaves its lock behind, which is recognized and taken over.
 * @returns a function that releases the folder
 * @throws DataError if another training is using the folder
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const file = path.join(folder, LOCK)
  const own = beside(file)
  const owner: Owner = { pid: process.pid, host: hostname(), began: beginOf('self') }
  try {
    await writeFlushed(own, JSON.stringify(owner))
    await take(file, own, folder)
  } finally {
    await rm(own, { force: true })
  }
  return () => rm(file, { force: true })
}

/**
 * Makes `file` a link to `own`: only one process can make a link, and it is never half written. A lock that was left
 * behind is removed only by the process that holds a claim to it, which is a lock of the same kind. So no process removes
 * the new lock of another.
 */
async function take(file: string, own: string, folder: string): Promise<void> {
  for (let attempts = 10; !(await link(own, file).then(() => true, ifExists)); attempts--) {
    if (attempts === 0) throw inUse(folder)
    const stale = await readStale(file, folder)
    if (stale === undefined) continue
    const claim = `${file}.${createHash('sha256').update(stale).digest('hex').slice(0, 8)}`
    await take(claim, own, folder)
    try {
      if ((await readTextFile(file)) === stale) await rm(file, { force: true })
    } finally {
      await rm(claim, { force: true })
    }
  }
}

const ifExists = (error: NodeJS.ErrnoException): false => {
  if (error.code === 'EEXIST') return false
  throw error
}

/** Changes nothing. @throws DataError if another training is using the folder */
export async function refuseLocked(folder: string): Promise<void> {
  await readStale(path.join(folder, LOCK), folder)
}

/** The lock that a process left behind; undefined if there is none. @throws DataError for a lock in use */
async function readStale(file: string, folder: string): Promise<string | undefined> {
  const text = await readTextFile(file).catch(() => {
    throw inUse(folder)
  })
  if (text === undefined) return undefined
  const owner = parse(text)
  if (!owner || owner.host !== hostname() || isAlive(owner.pid, owner.began)) throw inUse(folder, owner)
  return text
}

/** @returns undefined if there is no such file */
async function readTextFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined
    throw error
  }
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

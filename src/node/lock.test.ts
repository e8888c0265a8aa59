import { spawnSync } from 'node:child_process'
import type * as fs from 'node:fs/promises'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DataError } from '../core/errors.js'
import { LOCK, lockFolder, refuseLocked } from './lock.js'
import { beginOf } from './process.js'

// What another process does just before ours claims a lock that was left behind.
let meanwhile = async () => {}
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  const link: typeof fs.link = async (from, to) => {
    if (/lock\.json\.[0-9a-f]{8}$/.test(String(to))) await meanwhile()
    return real.link(from, to)
  }
  return { ...real, link }
})

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-lock-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const own = { pid: process.pid, host: hostname(), began: beginOf('self') }
const lockOf = (owner: object | string) =>
  writeFile(path.join(folder, LOCK), typeof owner === 'string' ? owner : JSON.stringify(owner))
const locks = async () => (await readdir(folder)).filter((name) => name.startsWith(LOCK))

test('a folder is for one at a time, and free again once it was given back', async () => {
  const leave = await lockFolder(folder)
  const refusal = `${folder}: process ${process.pid} on ${hostname()} is training there`
  await expect(lockFolder(folder)).rejects.toThrow(refusal)
  await expect(refuseLocked(folder)).rejects.toThrow(refusal)
  expect(await locks()).toEqual([LOCK])
  await leave()
  await refuseLocked(folder)
  expect(await locks()).toEqual([])
  await (await lockFolder(folder))()
})

describe('a lock in force', () => {
  test.each([
    ['of a process that runs', own],
    ['of a process that runs and whose beginning was not known', { ...own, began: '' }],
    ['of another machine', { ...own, host: 'elsewhere', pid: 1 }],
    ['that is not JSON', '{"pid":'],
    ['that names no process', { ...own, pid: 'x' }],
    ['of process 0', { ...own, pid: 0 }],
  ])('%s', async (_, owner) => {
    await lockOf(owner)
    const text = await readFile(path.join(folder, LOCK), 'utf8')
    await expect(lockFolder(folder)).rejects.toThrow(DataError)
    await expect(refuseLocked(folder)).rejects.toThrow('remove lock.json there if it is gone')
    expect(await readFile(path.join(folder, LOCK), 'utf8')).toBe(text)
    expect(await locks()).toEqual([LOCK])
  })
})

describe('a lock that was left behind', () => {
  const { pid: dead } = spawnSync(process.execPath, ['--version'])
  const stale = { ...own, pid: dead, began: '1' }

  test('by a process that has ended is taken over', async () => {
    await lockOf(stale)
    await refuseLocked(folder)
    expect(JSON.parse(await readFile(path.join(folder, LOCK), 'utf8'))).toEqual(stale)
    await lockFolder(folder)
    expect(JSON.parse(await readFile(path.join(folder, LOCK), 'utf8'))).toEqual(own)
    expect(await locks()).toEqual([LOCK])
  })

  test.skipIf(own.began === '')('by a process whose number a later one has (needs /proc)', async () => {
    await lockOf({ ...own, began: '1' })
    await refuseLocked(folder)
    await lockFolder(folder)
    expect(JSON.parse(await readFile(path.join(folder, LOCK), 'utf8'))).toEqual(own)
  })

  test('is taken over by one of several that find it', async () => {
    await lockOf(stale)
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)))
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await locks()).toEqual([LOCK])
  })

  test('and was taken over by another process before ours could is left to that one', async () => {
    await lockOf(stale)
    meanwhile = () => lockOf(own)
    await expect(lockFolder(folder)).rejects.toThrow('is training there')
    meanwhile = async () => {}
    expect(JSON.parse(await readFile(path.join(folder, LOCK), 'utf8'))).toEqual(own)
    expect(await locks()).toEqual([LOCK])
  })
})

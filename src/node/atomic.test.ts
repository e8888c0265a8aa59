import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { beside, findReplaced, removeAbandoned } from './atomic.js'

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** The number of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid!
}

describe('removeAbandoned', () => {
  const isOurs = (name: string) => name === 'a.bin'
  const sweep = async () => {
    await removeAbandoned(folder, isOurs)
    return (await readdir(folder)).sort()
  }
  /** A name as the process of another number would have made it. */
  const ofProcess = (place: string, pid: number) => place.replace(`-${process.pid}-`, `-${pid}-`)

  test('keeps what a running process writes, and removes what a process that has ended left', async () => {
    const own = beside(at('a.bin'))
    await writeFile(own, 'being written')
    await writeFile(ofProcess(beside(at('a.bin')), await deadProcess()), 'torn')
    await mkdir(ofProcess(beside(at('a.bin')), await deadProcess()))
    expect(await sweep()).toEqual([path.basename(own)])
  })

  test.skipIf(process.platform !== 'linux')('a later process of the same number does not keep it', async () => {
    const [, began] = /-(\d+)-[0-9a-f]{8}\.tmp$/.exec(beside('a.bin'))!
    await writeFile(beside(at('a.bin')).replace(`-${began}-`, `-${Number(began) - 1}-`), 'torn')
    expect(await sweep()).toEqual([])
  })

  test.each([
    ['another machine', 'a.bin.01234567-1-1-0123abcd.tmp'],
    ['a name that does not tell its owner', 'a.bin.0123abcd.tmp'],
  ])('of %s, it goes a day after its last change', async (_owner, name) => {
    const hours = (count: number) => new Date(Date.now() - count * 3600 * 1000)
    await writeFile(at(name), 'torn')
    await utimes(at(name), hours(23), hours(23))
    expect(await sweep()).toEqual([name])
    await utimes(at(name), hours(25), hours(25))
    expect(await sweep()).toEqual([])
  })

  test('leaves finished files, files set aside, and those beside other places', async () => {
    const dead = await deadProcess()
    const names = ['a.bin', 'notes.tmp', 'a.bin.tmp', ofProcess(beside('b.bin'), dead)]
    names.push(ofProcess(beside('a.bin', 'previous'), dead))
    for (const name of names) await writeFile(at(name), '')
    expect(await sweep()).toEqual(names.sort())
  })

  test('a folder that is not there has nothing to remove', async () => {
    await removeAbandoned(at('none'), isOurs)
  })
})

test('findReplaced finds what was set aside for a place, and not for one whose name begins alike', async () => {
  const place = beside(at('model'), 'previous')
  await mkdir(place)
  await mkdir(beside(at('model.2'), 'previous'))
  expect(await findReplaced(at('model'))).toBe(place)
})

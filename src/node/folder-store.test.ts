import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { storePromises } from '../../test/run-store.js'
import { FolderStore } from './folder-store.js'

let folder: string
let number = 0
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-store-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a run in a folder', () => {
  test('stays in its folder when the program changes the current one', async () => {
    const before = process.cwd()
    process.chdir(folder)
    try {
      const store = new FolderStore('relative')
      await store.enter()
      await mkdir(path.join(folder, 'elsewhere'))
      process.chdir(path.join(folder, 'elsewhere'))
      await store.write('a', Uint8Array.of(1))
      await store.leave()
      expect(await readdir(path.join(folder, 'relative'))).toEqual(['a'])
    } finally {
      process.chdir(before)
    }
  })

  test('is found where a save that was killed set its folder aside', async () => {
    const store = new FolderStore(path.join(folder, 'aside'))
    await store.enter()
    await store.write('a', Uint8Array.of(1))
    await store.leave()
    await rename(path.join(folder, 'aside'), path.join(folder, 'aside.00000000-999999-1-abcdef01.previous'))
    expect(await store.names()).toEqual(['a'])
    expect(await store.read('a', (file) => file.read(0, 1))).toEqual(Uint8Array.of(1))
    // An older folder that was set aside is ignored while the folder itself exists.
    await mkdir(path.join(folder, 'aside'))
    expect(await store.names()).toEqual([])
    expect(await store.read('a', async () => 1)).toBeUndefined()
  })

  test('what is known of the machine is found by the runs in other folders, and kept in the cache folder', async () => {
    vi.stubEnv('UNROLLED_CACHE', path.join(folder, 'cache', 'of this test'))
    const [one, other] = ['one', 'other'].map((name) => new FolderStore(path.join(folder, name)).machine)
    await expect(one.read('facts.json')).rejects.toThrow('ENOENT')
    await one.write('facts.json', 'first')
    await other.write('facts.json', 'second')
    expect(await one.read('facts.json')).toBe('second')
    expect(await readdir(path.join(folder, 'cache', 'of this test'))).toEqual(['facts.json'])
    vi.unstubAllEnvs()
  })

  test('where nothing can be written elsewhere either, says so and leaves nothing', async () => {
    const store = new FolderStore(path.join(folder, 'lonely'))
    vi.stubEnv('TMPDIR', path.join(folder, 'missing'))
    await expect(store.rescue('a', Uint8Array.of(1))).rejects.toThrow(
      /missing: nothing can be written there either, because/,
    )
    await mkdir(path.join(folder, 'there'))
    vi.stubEnv('TMPDIR', path.join(folder, 'there'))
    // The name of a folder that is missing stands for a disk that is full in the middle of the file.
    await expect(store.rescue('no/a', Uint8Array.of(1))).rejects.toThrow(/there: nothing can be written there either/)
    expect(await readdir(path.join(folder, 'there'))).toEqual([])
    vi.unstubAllEnvs()
  })

  storePromises(
    () => new FolderStore(path.join(folder, String(number++))),
    (store) => new FolderStore(store.name),
  )
})

import { describe, expect, test } from 'vitest'
import { storePromises } from '../../test/run-store.js'
import { OpfsStore, savedRuns } from './opfs-store.js'

let number = 0

describe('a run in the browser’s own file system', () => {
  storePromises(
    async () => {
      // A name that file systems refuse, and that an earlier run of the tests may have left.
      const name = `runs/of tests: ${number++}?`
      await savedRuns.remove(name)
      return new OpfsStore(name)
    },
    (store) => new OpfsStore(store.name),
  )

  test('is listed and removed by its name', async () => {
    const store = new OpfsStore('a/b')
    await store.enter()
    await store.write('x', Uint8Array.of(1))
    expect(await savedRuns.names()).toContain('a/b')
    await expect(savedRuns.remove('a/b')).rejects.toThrow(/^a\/b: another tab or worker is training there/)
    await store.leave()
    await savedRuns.remove('a/b')
    expect(await savedRuns.names()).not.toContain('a/b')
    expect(await store.freeBytes()).toBeGreaterThan(0)
  })

  test('is waited for where somebody is just leaving it, as the worker of a closed page does', async () => {
    const [one, other] = [new OpfsStore('left'), new OpfsStore('left')]
    await one.enter()
    const left = new Promise((resolve) => setTimeout(resolve, 100)).then(() => one.leave())
    await other.refuseBusy()
    await left
    await one.enter()
    const leftAgain = new Promise((resolve) => setTimeout(resolve, 100)).then(() => one.leave())
    await other.enter()
    await leftAgain
    await expect(one.enter()).rejects.toThrow(/^left: another tab or worker is training there/)
    await other.leave()
    await savedRuns.remove('left')
  })

  test('does not become a run by being looked at', async () => {
    const store = new OpfsStore('never')
    await store.refuseBusy()
    expect(await store.names()).toEqual([])
    expect(await store.read('x', async () => 1)).toBeUndefined()
    expect(await savedRuns.names()).not.toContain('never')
  })

  test('finds what the machine knows in every run, and it is no run', async () => {
    const [one, other] = ['one', 'other'].map((name) => new OpfsStore(name).machine)
    await expect(one.read(`never ${Math.random()}`)).rejects.toThrow()
    await one.write('facts.json', 'first')
    await other.write('facts.json', 'second')
    expect(await one.read('facts.json')).toBe('second')
    expect(await savedRuns.names()).not.toContain('machine')
  })

  test.each(['.', '..', 'x.crswap', '100 %'])('may be called %s', async (name) => {
    const store = new OpfsStore(name)
    await store.enter()
    await store.write('x', Uint8Array.of(1))
    await store.leave()
    expect(await store.names()).toEqual(['x'])
    expect(await savedRuns.names()).toContain(name)
    await savedRuns.remove(name)
  })

  test('an empty file, as a closed tab leaves it, counts as none', async () => {
    const name = 'left empty'
    await savedRuns.remove(name)
    const store = new OpfsStore(name)
    await store.enter()
    await store.write('other', Uint8Array.of(1))
    let folder = await navigator.storage.getDirectory()
    for (const part of ['unrolled', 'runs', encodeURIComponent(name)]) folder = await folder.getDirectoryHandle(part)
    await folder.getFileHandle('checkpoint.safetensors', { create: true })
    expect(await store.names()).toEqual(['other'])
    expect(await store.read('checkpoint.safetensors', async () => 1)).toBeUndefined()
    await store.leave()
    expect(() => new OpfsStore('\ud800')).toThrow(/^OpfsStore: the name contains a lone surrogate/)
  })
})

import { expect, test } from 'vitest'
import { DataError } from '../src/core/errors.js'
import { modelFiles } from '../src/formats/read-model.js'
import type { ByteSource } from '../src/formats/source.js'
import { BEST, CHECKPOINT, HISTORY, type RunStore } from '../src/run/store.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const model = (text: string) => ({
  'model.safetensors': bytes(`${text} parameters`),
  'vocab.json': bytes(`${text} vocabulary`),
  'config.json': bytes('{"format":"unrolled"}'),
})

/**
 * The tests that every store of runs must pass.
 * @param fresh makes a store in a new place
 * @param again makes another store in the same place, as another process would
 */
export function storePromises(
  fresh: () => Promise<RunStore> | RunStore,
  again: (store: RunStore) => Promise<RunStore> | RunStore,
): void {
  const text = (store: RunStore, name: string) =>
    store.read(name, async (file) => new TextDecoder().decode(await file.read(0, file.size)))

  test('a store is empty at first, and reading it changes nothing', async () => {
    const store = await fresh()
    await store.refuseBusy()
    await store.check()
    expect(await store.names()).toEqual([])
    expect(await store.read(CHECKPOINT, async () => 'read')).toBeUndefined()
  })

  test('a file has what was written last, also in another process, and is read in parts', async () => {
    const store = await fresh()
    await store.enter()
    await store.write(CHECKPOINT, bytes('the first, which is longer'))
    await store.write(CHECKPOINT, bytes('the second'))
    await store.leave()
    const other = await again(store)
    expect(await other.names()).toEqual([CHECKPOINT])
    expect(await text(other, CHECKPOINT)).toBe('the second')
    const parts = await other.read(CHECKPOINT, async (file: ByteSource) => [
      file.size,
      new TextDecoder().decode(await file.read(4, 3)),
      (await file.read(8, 100)).length,
    ])
    expect(parts).toEqual([10, 'sec', 2])
  })

  test('an error of the reader is passed on, and the file is closed', async () => {
    const store = await fresh()
    await store.enter()
    await store.write(BEST, bytes('x'))
    await expect(
      store.read(BEST, async () => {
        throw new RangeError('mine')
      }),
    ).rejects.toThrow('mine')
    await store.write(BEST, bytes('y'))
    expect(await text(store, BEST)).toBe('y')
    await store.leave()
  })

  test('a store in use keeps others out until it leaves', async () => {
    const store = await fresh()
    await store.enter()
    const other = await again(store)
    await expect(other.refuseBusy()).rejects.toThrow(DataError)
    await expect(other.enter()).rejects.toThrow(/there; /)
    await store.leave()
    await other.refuseBusy()
    await other.enter()
    await other.leave()
    await other.leave()
  })

  test('files are removed and renamed; removing a missing file succeeds', async () => {
    const store = await fresh()
    await store.enter()
    await store.write('a', bytes('1'))
    await store.write('b', bytes('2'))
    await store.rename('a', 'c')
    await store.remove('b')
    await store.remove('never')
    expect(await text(store, 'c')).toBe('1')
    expect((await store.names()).filter((name) => name.length === 1)).toEqual(['c'])
    await store.leave()
  })

  test('a file of records grows, and continues from a place within it', async () => {
    const store = await fresh()
    await store.enter()
    const file = await store.append(HISTORY, 0)
    expect(file.bytes).toBe(0)
    await file.append(bytes('one\n'))
    await file.append(bytes('two\n'))
    await file.flush()
    expect(file.bytes).toBe(8)
    expect(await text(store, HISTORY)).toBe('one\ntwo\n')
    const more = await (await again(store)).append(HISTORY, 4)
    await more.append(bytes('three\n'))
    expect(more.bytes).toBe(10)
    expect(await text(store, HISTORY)).toBe('one\nthree\n')
    expect((await store.append(HISTORY, 1000)).bytes).toBe(10)
    await store.leave()
  })

  test('a model replaces the one before it; other files stay, except the best model', async () => {
    const store = await fresh()
    await store.enter()
    const history = await store.append(HISTORY, 0)
    await history.append(bytes('one\n'))
    await store.write(CHECKPOINT, bytes('checkpoint'))
    await store.write(BEST, bytes('best'))
    await store.saveModel(model('first'))
    await store.saveModel(model('second'))
    await history.append(bytes('two\n'))
    await store.leave()
    const other = await again(store)
    expect((await other.names()).sort()).toEqual([CHECKPOINT, HISTORY, ...modelFiles].sort())
    expect(await text(other, 'model.safetensors')).toBe('second parameters')
    expect(await text(other, CHECKPOINT)).toBe('checkpoint')
    expect(await text(other, HISTORY)).toBe('one\ntwo\n')
  })
}

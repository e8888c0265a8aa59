import { mkdtemp, open, rm, statfs, writeFile } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FormatError, OptionError } from '../core/errors.js'
import { openSafetensors, readSafetensors } from '../formats/safetensors.js'
import { openFile, withFile } from './open-file.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-open-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))
const at = (name: string) => path.join(folder, name)

test('bytes are read from any place; no more than there are', async () => {
  await writeFile(at('file'), Uint8Array.of(1, 2, 3, 4))
  const read = await withFile(at('file'), async (file) => [
    file.size,
    [...(await file.read(1, 2))],
    [...(await file.read(3, 9))],
    [...(await file.read(9, 1))],
  ])
  expect(read).toEqual([4, [2, 3], [4], []])
})

test('no file is undefined, a folder a FormatError', async () => {
  expect(await openFile(at('none'))).toBeUndefined()
  await writeFile(at('file'), Uint8Array.of(1))
  expect(await openFile(at('file/inside'))).toBeUndefined()
  await expect(openFile(folder, 'model')).rejects.toThrow(FormatError)
  await expect(openFile(folder, 'model')).rejects.toThrow('model: it is not a regular file')
})

/** Writes a .safetensors file whose values are zeros, except for some: a hole takes no room on the disk. */
async function sparseFile(entries: object, bytes: number, values: [at: number, values: ArrayBufferView][]) {
  const header = JSON.stringify(entries).padEnd(256)
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(BigInt(header.length))
  const handle = await open(at('file'), 'w')
  try {
    await handle.truncate(264 + bytes)
    await handle.write(Buffer.concat([start, Buffer.from(header)]), 0, undefined, 0)
    for (const [place, array] of values) await handle.write(array as Uint8Array, 0, undefined, 264 + place)
    const { blocks } = await handle.stat()
    return blocks * 512 > bytes / 2
      ? `${tmpdir()} has no sparse files (type ${(await statfs(folder)).type})`
      : undefined
  } catch (error) {
    return `${tmpdir()} has no room for a sparse file of ${bytes} bytes (${(error as Error).message})`
  } finally {
    await handle.close()
  }
}

test('of a safetensors file of 3 GB, one tensor is read without the rest', async ({ skip }) => {
  const bytes = 3 * 2 ** 30
  const entries = {
    large: { dtype: 'U8', shape: [3, 2 ** 30], data_offsets: [0, bytes] },
    small: { dtype: 'F32', shape: [3], data_offsets: [bytes, bytes + 12] },
  }
  const reason = await sparseFile(entries, bytes + 12, [[bytes, Float32Array.of(1.5, -2, 0.25)]])
  if (reason) skip(reason)
  await withFile(at('file'), async ({ size, read }) => {
    const lengths: number[] = []
    const counted = (offset: number, length: number) => {
      lengths.push(length)
      return read(offset, length)
    }
    const file = await openSafetensors({ size, read: counted }, 'large.safetensors')
    expect(file.tensors.get('large')).toEqual({ dtype: 'U8', shape: [3, 2 ** 30], dataOffsets: [0, bytes] })
    expect((await file.read('small')).data).toEqual(Float32Array.of(1.5, -2, 0.25))
    expect(lengths).toEqual([8, 256, 12])
    await expect(file.read('large')).rejects.toThrow(
      'large.safetensors: large has 3221225472 values, expected at most 2147483647',
    )
    await expect(file.read('none')).rejects.toThrow(OptionError)
  })
})

test('a safetensors file beyond 2 GB is read, a small tensor behind that mark included', async ({ skip }) => {
  const large = 2 ** 28
  const bytes = 8 * large
  if (freemem() < 2 * bytes) skip(`${freemem()} bytes of memory are free, ${2 * bytes} are needed`)
  const entries = {
    large: { dtype: 'F64', shape: [large], data_offsets: [0, bytes] },
    small: { dtype: 'F32', shape: [3], data_offsets: [bytes, bytes + 12] },
  }
  const reason = await sparseFile(entries, bytes + 12, [
    [bytes - 8, Float64Array.of(7)],
    [bytes, Float32Array.of(1.5, -2, 0.25)],
  ])
  if (reason) skip(reason)
  const read = await withFile(at('file'), async (file) => {
    expect(file.size).toBeGreaterThan(2 ** 31)
    return readSafetensors(file)
  })
  expect(read!.tensors.small.data).toEqual(Float32Array.of(1.5, -2, 0.25))
  expect(read!.tensors.large.shape).toEqual([large])
  expect([0, large - 2, large - 1].map((i) => read!.tensors.large.data[i])).toEqual([0, 0, 7])
})

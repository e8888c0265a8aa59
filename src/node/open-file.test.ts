import { mkdtemp, open, rm, statfs, writeFile } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FormatError } from '../core/errors.js'
import { readSafetensors } from '../formats/safetensors.js'
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
  await expect(openFile(folder, 'model')).rejects.toThrow(FormatError)
  await expect(openFile(folder, 'model')).rejects.toThrow('model: it is not a regular file')
})

test('a safetensors file beyond 2 GB is read, a small tensor behind that mark included', async ({ skip }) => {
  const large = 2 ** 28
  const bytes = 8 * large
  if (freemem() < 2 * bytes) skip(`${freemem()} bytes of memory are free, ${2 * bytes} are needed`)
  const entries = {
    large: { dtype: 'F64', shape: [large], data_offsets: [0, bytes] },
    small: { dtype: 'F32', shape: [3], data_offsets: [bytes, bytes + 12] },
  }
  const header = JSON.stringify(entries).padEnd(256)
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(BigInt(header.length))
  const handle = await open(at('file'), 'w')
  try {
    await handle.write(Buffer.concat([start, Buffer.from(header)]), 0, undefined, 0)
    // Between them is a hole that takes no room on the disk.
    await handle.write(Buffer.from(Float64Array.of(7).buffer), 0, undefined, 264 + bytes - 8)
    await handle.write(Buffer.from(Float32Array.of(1.5, -2, 0.25).buffer), 0, undefined, 264 + bytes)
    const { blocks } = await handle.stat()
    if (blocks * 512 > bytes / 2) skip(`${tmpdir()} has no sparse files (type ${(await statfs(folder)).type})`)
  } finally {
    await handle.close()
  }
  const read = await withFile(at('file'), async (file) => {
    expect(file.size).toBeGreaterThan(2 ** 31)
    return readSafetensors(file)
  })
  expect(read!.tensors.small.data).toEqual(Float32Array.of(1.5, -2, 0.25))
  expect(read!.tensors.large.shape).toEqual([large])
  expect([0, large - 2, large - 1].map((i) => read!.tensors.large.data[i])).toEqual([0, 0, 7])
})

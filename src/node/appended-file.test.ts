import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DataError } from '../core/errors.js'
import type { EpochEvent } from '../train/training-events.js'
import { HistoryWriter, readHistory } from './history.js'
import { TensorBoardWriter } from './tensorboard.js'

// A disk that takes part of a record and then says that it is full, for as many calls as `full` says.
let full = 0
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  const appendFile: typeof fs.appendFile = async (file, data, options) => {
    if (full === 0 || data.length === 0) return real.appendFile(file, data, options)
    full--
    await real.appendFile(file, (data as Uint8Array).subarray(0, 7), options)
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  }
  return { ...real, appendFile }
})

let folder: string
beforeEach(async () => {
  full = 0
  folder = await fs.mkdtemp(path.join(tmpdir(), 'unrolled-appended-'))
})
afterEach(() => fs.rm(folder, { recursive: true, force: true }))

const epoch = (epoch: number): EpochEvent => {
  const running = { epochs: 9, lr: 0.5, gradNorm: 1.25, tokensPerSecond: 1000 }
  return { type: 'epoch', epoch, step: 10 * epoch, loss: 0, perplexity: 1, ...running }
}

test('a history on a full disk says which file; its lines stay whole, and follow when there is room again', async () => {
  const file = path.join(folder, 'history.jsonl')
  const history = await HistoryWriter.open(file)
  await history.write(epoch(1))
  const { bytes } = history
  full = 2
  for (const number of [2, 3]) {
    const error = await history.write(epoch(number)).catch((error) => error)
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toBe(`${file}: the file cannot be written, because the disk is full`)
    expect(history.bytes).toBe(bytes)
    expect((await fs.readFile(file)).length).toBe(bytes)
  }
  await history.write(epoch(4))
  expect((await readHistory(file)).map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4])
  expect(history.bytes).toBe((await fs.stat(file)).size)
})

test('what waits at the end of a training is written by flush', async () => {
  const file = path.join(folder, 'history.jsonl')
  const history = await HistoryWriter.open(file)
  full = 1
  await expect(history.write(epoch(1))).rejects.toThrow(DataError)
  await history.flush()
  await history.flush()
  expect((await readHistory(file)).map(({ epoch }) => epoch)).toEqual([1])
})

test('an event file for TensorBoard never keeps part of a record', async () => {
  const sizes: number[] = []
  for (const failures of [0, 1]) {
    const board = await TensorBoardWriter.open(path.join(folder, String(failures)))
    await board.write(epoch(1))
    full = failures
    await board.write(epoch(2)).catch(() => undefined)
    await board.write(epoch(3))
    sizes.push((await fs.stat(board.file)).size)
  }
  expect(sizes[1]).toBe(sizes[0])
})

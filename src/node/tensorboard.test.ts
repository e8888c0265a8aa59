import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import crc32c from 'crc-32/crc32c.js'
import { PbfReader } from 'pbf'
import { afterAll, describe, expect, test } from 'vitest'
import type { EpochEvent, StepEvent, ValidationEvent } from '../train/training-events.js'
import { TensorBoardWriter, tfRecord } from './tensorboard.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-tensorboard-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const running = { epochs: 9, lr: 0.5, gradNorm: 1.25, tokensPerSecond: 1000 }
const step = (step: number): StepEvent => ({ type: 'step', epoch: 1, step, batch: step, loss: 3, ...running })
const epoch = (epoch: number, step: number, lr = 0.5): EpochEvent => {
  return { type: 'epoch', epoch, step, loss: 1.5 / epoch, perplexity: 4, ...running, lr }
}
const validation: ValidationEvent = { type: 'validation', epoch: 1, step: 10, loss: 1.75, perplexity: 6, best: true }

/** CRC-32C bit by bit, from its polynomial. */
function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}
const unmasked = (masked: number): number => {
  const rotated = (masked - 0xa282ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

/** The records of a TFRecord file, their checksums checked. */
function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at))
    expect(unmasked(bytes.readUInt32LE(at + 8))).toBe(checksum(bytes.subarray(at, at + 8)))
    const data = bytes.subarray(at + 12, at + 12 + length)
    expect(unmasked(bytes.readUInt32LE(at + 12 + length))).toBe(checksum(data))
    records.push(data)
    at += length + 16
  }
  return records
}

// RFC 3720, B.4.
const vectors: [name: string, bytes: Uint8Array, crc: number][] = [
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 ascending', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['32 descending', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  [
    'an iSCSI read command',
    Buffer.from(
      '01c00000'.padEnd(32, '0') + '1400000000000400000000140000001828000000'.padEnd(48, '0') + '02'.padEnd(16, '0'),
      'hex',
    ),
    0xd9963a56,
  ],
]

test.each(vectors)('CRC-32C of %s', (_, bytes, crc) => {
  expect(crc32c.buf(bytes) >>> 0).toBe(crc)
  expect(checksum(bytes)).toBe(crc)
  const framed = tfRecord(bytes)
  expect(unmasked(framed.readUInt32LE(12 + bytes.length))).toBe(crc)
  expect(recordsOf(framed)).toEqual([Buffer.from(bytes)])
})

async function written(name: string): Promise<string> {
  const place = path.join(folder, name)
  const first = await TensorBoardWriter.open(place)
  for (const event of [step(1), step(2), epoch(1, 10), validation, epoch(2, 20), epoch(3, 30)]) await first.write(event)
  const second = await TensorBoardWriter.open(place, { after: 10 })
  await second.write(epoch(2, 20, 0.25))
  return first.file
}

test('the records are TensorFlow’s Event messages', async () => {
  const file = await written('messages')
  expect(path.basename(file)).toMatch(/^events\.out\.tfevents\.\d{10}\.\S+$/)
  // Event: wall_time = 1, step = 2, file_version = 3, summary = 5; Summary: value = 1; Value: tag = 1, simple_value = 2.
  const events = recordsOf(readFileSync(file)).map((bytes) => {
    const event = { time: 0, step: 0, version: '', values: {} as Record<string, number> }
    const value = (tag: number, one: { tag: string; value: number }, pbf: PbfReader) => {
      if (tag === 1) one.tag = pbf.readString()
      if (tag === 2) one.value = pbf.readFloat()
    }
    new PbfReader(bytes).readFields((tag, all, pbf) => {
      if (tag === 1) all.time = pbf.readDouble()
      if (tag === 2) all.step = pbf.readVarint()
      if (tag === 3) all.version = pbf.readString()
      if (tag !== 5) return
      pbf.readMessage((tag, values: Record<string, number>, pbf) => {
        if (tag !== 1) return
        const one = pbf.readMessage(value, { tag: '', value: 0 })
        values[one.tag] = one.value
      }, all.values)
    }, event)
    return event
  })
  expect(events[0]).toMatchObject({ version: 'brain.Event:2', step: 0, values: {} })
  const rest = { lr: 0.5, grad_norm: 1.25, tokens_per_second: 1000 }
  expect(events.slice(1).map(({ step, values }) => ({ step, values }))).toEqual([
    { step: 1, values: { 'loss/step': 3, ...rest } },
    { step: 10, values: { 'loss/train': 1.5, 'perplexity/train': 4, ...rest } },
    { step: 10, values: { 'loss/validation': 1.75, 'perplexity/validation': 6 } },
    { step: 20, values: { 'loss/train': 0.75, 'perplexity/train': 4, ...rest } },
    { step: 30, values: { 'loss/train': 0.5, 'perplexity/train': 4, ...rest } },
  ])
  for (const { time } of events) expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60)
})

// UNROLLED_PYTHON: a Python that has TensorBoard.
const python = process.env.UNROLLED_PYTHON ?? 'python3'
const reader = 'from tensorboard.backend.event_processing.event_accumulator import EventAccumulator'
const hasTensorBoard = spawnSync(python, ['-c', reader]).status === 0

describe('TensorBoard', () => {
  test.skipIf(!hasTensorBoard)(
    `reads it, and forgets what a resumed training does again (skipped where ${python} has no TensorBoard)`,
    async () => {
      const file = await written('resumed')
      const script = `import json, sys
${reader}
events = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()['scalars']}))`
      const { stdout, stderr } = spawnSync(python, ['-c', script, path.dirname(file)], { encoding: 'utf8' })
      const constant = (value: number) => [1, 10, 20].map((step) => [step, value])
      expect(JSON.parse(stdout || stderr)).toEqual({
        'loss/step': [[1, 3]],
        'loss/train': [
          [10, 1.5],
          [20, 0.75],
        ],
        'perplexity/train': [
          [10, 4],
          [20, 4],
        ],
        'loss/validation': [[10, 1.75]],
        'perplexity/validation': [[10, 6]],
        lr: [
          [1, 0.5],
          [10, 0.5],
          [20, 0.25],
        ],
        grad_norm: constant(1.25),
        tokens_per_second: constant(1000),
      })
    },
  )
})

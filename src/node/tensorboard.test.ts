import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import protobuf from 'protobufjs'
import { afterAll, expect, test } from 'vitest'
import { TensorBoardWriter } from './tensorboard.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-board-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// The fields as TensorFlow defines them (tensorflow/core/util/event.proto, core/framework/summary.proto).
const Event = protobuf
  .parse(
    `syntax = "proto3"; package tensorflow;
    message Summary { message Value { string tag = 1; oneof value { float simple_value = 2; } } repeated Value value = 1; }
    message Event { double wall_time = 1; int64 step = 2; oneof what { string file_version = 3; Summary summary = 5; } }`,
    { keepCase: true },
  )
  .root.lookupType('tensorflow.Event')

/** CRC-32C bit by bit, as RFC 3720 defines it. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

const masked = (bytes: Uint8Array) => {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

test('the test’s own checksum is that of RFC 3720, B.4', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
})

test('an event file is what TensorFlow defines: framed records with checksums, and scalars by name', async () => {
  const writer = await TensorBoardWriter.open(folder)
  const rates = { lr: 0.5, gradNorm: 2, tokensPerSecond: 1000 }
  await writer.write({ type: 'step', epoch: 1, epochs: 2, step: 7, batch: 7, loss: 1.25, ...rates })
  // Less than a second later: left out.
  await writer.write({ type: 'step', epoch: 1, epochs: 2, step: 8, batch: 8, loss: 1, ...rates })
  await writer.write({ type: 'validation', epoch: 1, step: 8, loss: 1.5, perplexity: Math.exp(1.5), best: true })
  await writer.close()

  const [name] = readdirSync(folder)
  expect(name).toMatch(/^events\.out\.tfevents\.\d+\./)
  const file = readFileSync(path.join(folder, name))
  const events: Record<string, unknown>[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at))
    expect(file.readUInt32LE(at + 8)).toBe(masked(file.subarray(at, at + 8)))
    const data = file.subarray(at + 12, at + 12 + length)
    expect(file.readUInt32LE(at + 12 + length)).toBe(masked(data))
    events.push(Event.toObject(Event.decode(data), { longs: Number }))
    at += length + 16
  }
  const now = Date.now() / 1000
  for (const { wall_time } of events) expect(Math.abs((wall_time as number) - now)).toBeLessThan(60)
  expect(events.map(({ wall_time: _, ...event }) => event)).toEqual([
    { file_version: 'brain.Event:2' },
    {
      step: 7,
      summary: {
        value: [
          { tag: 'loss/train', simple_value: 1.25 },
          { tag: 'lr', simple_value: 0.5 },
          { tag: 'grad_norm', simple_value: 2 },
          { tag: 'tokens_per_second', simple_value: 1000 },
        ],
      },
    },
    {
      step: 8,
      summary: {
        value: [
          { tag: 'loss/validation', simple_value: 1.5 },
          { tag: 'perplexity/validation', simple_value: Math.fround(Math.exp(1.5)) },
        ],
      },
    },
  ])
})

import { type FileHandle, open } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { OptionError } from '../core/errors.js'
import type { TrainEvent } from '../train/events.js'

/** The part of TensorFlow's event.proto and summary.proto that scalars need. */
const definition = {
  nested: {
    Event: {
      fields: {
        wallTime: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        fileVersion: { type: 'string', id: 3 },
        summary: { type: 'Summary', id: 5 },
      },
    },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Value: { fields: { tag: { type: 'string', id: 1 }, simpleValue: { type: 'float', id: 2 } } },
  },
}

/** Milliseconds between two steps that are written. */
const STEP_INTERVAL = 1000

/** Writes the scalars of a training for TensorBoard, as an event file in its folder. */
export class TensorBoardWriter {
  #lastStep = -Infinity

  private constructor(
    readonly file: FileHandle,
    readonly encode: (event: object) => Uint8Array,
    readonly checksum: (bytes: Uint8Array) => number,
  ) {}

  /** @throws OptionError where the libraries that it takes are not installed */
  static async open(folder: string): Promise<TensorBoardWriter> {
    const [{ default: protobuf }, { default: crc32c }] = await Promise.all([
      import('protobufjs/light.js'),
      import('crc-32/crc32c.js'),
    ]).catch(() => {
      throw new OptionError(
        'tensorboard: the packages protobufjs and crc-32 are missing; install them with npm install protobufjs crc-32',
      )
    })
    const type = protobuf.Root.fromJSON(definition).lookupType('Event')
    const seconds = Math.floor(Date.now() / 1000)
    const name = `events.out.tfevents.${seconds}.${hostname()}.${process.pid}`
    const file = await open(path.join(folder, name), 'a')
    const writer = new TensorBoardWriter(
      file,
      (event) => type.encode(type.fromObject(event)).finish(),
      (bytes) => crc32c.buf(bytes) >>> 0,
    )
    await writer.#append({ fileVersion: 'brain.Event:2' })
    return writer
  }

  async write(event: TrainEvent): Promise<void> {
    if (event.type === 'step') {
      if (performance.now() - this.#lastStep < STEP_INTERVAL) return
      this.#lastStep = performance.now()
    }
    const value = Object.entries(scalarsOf(event)).map(([tag, simpleValue]) => ({ tag, simpleValue }))
    await this.#append({ step: event.step, summary: { value } })
  }

  close(): Promise<void> {
    return this.file.close()
  }

  /** A record: length, its checksum, data, theirs (TensorFlow's core/lib/io/record_writer.h). */
  async #append(event: object): Promise<void> {
    const data = this.encode({ wallTime: Date.now() / 1000, ...event })
    const record = new Uint8Array(data.length + 16)
    const view = new DataView(record.buffer)
    view.setBigUint64(0, BigInt(data.length), true)
    view.setUint32(8, this.#masked(record.subarray(0, 8)), true)
    record.set(data, 12)
    view.setUint32(12 + data.length, this.#masked(data), true)
    await this.file.appendFile(record)
  }

  /** A checksum that may itself be checksummed: rotated right by 15 bits, plus a constant. */
  #masked(bytes: Uint8Array): number {
    const crc = this.checksum(bytes)
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
  }
}

function scalarsOf(event: TrainEvent): Record<string, number> {
  const { loss } = event
  if (event.type === 'validation') return { 'loss/validation': loss, 'perplexity/validation': event.perplexity }
  if (event.type === 'epoch') return { 'loss/epoch': loss, 'perplexity/epoch': event.perplexity }
  const { lr, gradNorm: grad_norm, tokensPerSecond: tokens_per_second } = event
  return { 'loss/train': loss, lr, grad_norm, tokens_per_second }
}

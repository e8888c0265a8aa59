import { hostname } from 'node:os'
import path from 'node:path'
import crc32c from 'crc-32/crc32c.js'
import { PbfWriter } from 'pbf'
import { checkNumber } from '../core/check.js'
import { atMostEvery } from '../run/history.js'
import { EVENT_FILE } from '../run/store.js'
import type { TrainEvent } from '../train/training-events.js'
import { AppendedFile } from './appended-file.js'

/** One number under its name in TensorBoard. */
type Scalar = [tag: string, value: number]

export interface TensorBoardOptions {
  /** The step after which a training is resumed; TensorBoard drops later steps of older files. */
  after?: number
  /** The least number of seconds between two step events; 0 keeps all. Default 1. */
  interval?: number
}

let opened = 0

/**
 * Writes a training's numbers as an event file that TensorBoard reads: loss and perplexity of training and
 * validation, and the learning rate, gradient norm and speed; losses of steps as often as `interval` allows.
 */
export class TensorBoardWriter {
  readonly #file: AppendedFile
  readonly #due: () => boolean

  private constructor(file: AppendedFile, interval: number) {
    this.#file = file
    this.#due = atMostEvery(interval)
  }

  /**
   * Begins a new file in `folder`, next to the existing ones. TensorBoard reads a folder's files in the order of their
   * names, and drops the steps later than `after` of the earlier ones.
   */
  static async open(folder: string, { after, interval = 1 }: TensorBoardOptions = {}): Promise<TensorBoardWriter> {
    checkNumber('TensorBoardWriter.open', 'interval', interval, 0)
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0')
    const name = `${EVENT_FILE}${seconds}.${hostname()}.${process.pid}.${opened++}`
    const file = await AppendedFile.open(path.join(folder, name), 0)
    const writer = new TensorBoardWriter(file, interval)
    await writer.#append((pbf) => pbf.writeStringField(eventFields.fileVersion, 'brain.Event:2'))
    if (after !== undefined) {
      await writer.#append((pbf) => {
        pbf.writeVarintField(eventFields.step, after + 1)
        pbf.writeMessage(
          eventFields.sessionLog,
          (status, log) => log.writeVarintField(SessionLog.status, status),
          START,
        )
      })
    }
    return writer
  }

  get file(): string {
    return this.#file.file
  }

  /**
   * As in a HistoryWriter, the system has the whole event before this resolves.
   * @throws DataError if the file cannot be written; the event is then written together with the next one
   */
  async write(event: TrainEvent): Promise<void> {
    if (event.type === 'step' && !this.#due()) return
    await this.#append((pbf) => {
      pbf.writeVarintField(eventFields.step, event.step)
      pbf.writeMessage(eventFields.summary, writeSummary, scalarsOf(event))
    })
  }

  async #append(writeFields: (pbf: PbfWriter) => void): Promise<void> {
    const pbf = new PbfWriter()
    pbf.writeDoubleField(eventFields.wallTime, Date.now() / 1000)
    writeFields(pbf)
    await this.#file.append(tfRecord(pbf.finish()))
  }
}

function scalarsOf(event: TrainEvent): Scalar[] {
  const { type, loss } = event
  if (type === 'validation') {
    return [
      ['loss/validation', loss],
      ['perplexity/validation', event.perplexity],
    ]
  }
  const running: Scalar[] = [
    ['lr', event.lr],
    ['grad_norm', event.gradNorm],
    ['tokens_per_second', event.tokensPerSecond],
  ]
  return type === 'step'
    ? [['loss/step', loss], ...running]
    : [['loss/train', loss], ['perplexity/train', event.perplexity], ...running]
}

// Field numbers of TensorFlow's messages: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
const eventFields = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 }
const SessionLog = { status: 1 }
const START = 1
const summaryFields = { value: 1 }
const valueFields = { tag: 1, simpleValue: 2 }

function writeSummary(scalars: Scalar[], pbf: PbfWriter): void {
  for (const scalar of scalars) pbf.writeMessage(summaryFields.value, writeValue, scalar)
}

function writeValue([tag, value]: Scalar, pbf: PbfWriter): void {
  pbf.writeStringField(valueFields.tag, tag)
  pbf.writeFloatField(valueFields.simpleValue, value)
}

/**
 * A record in the format of TFRecord files: its length (8 bytes), the length's checksum, the bytes, their checksum;
 * all little-endian. https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */
export function tfRecord(bytes: Uint8Array): Buffer {
  const framed = Buffer.alloc(bytes.length + 16)
  framed.writeBigUInt64LE(BigInt(bytes.length))
  framed.writeUInt32LE(maskedCrc(framed.subarray(0, 8)), 8)
  framed.set(bytes, 12)
  framed.writeUInt32LE(maskedCrc(bytes), bytes.length + 12)
  return framed
}

/** CRC-32C, rotated right by 15 bits, plus a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c.buf(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

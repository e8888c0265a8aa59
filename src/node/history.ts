import { type FileHandle, open, readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { DataError, FormatError } from '../core/errors.js'
import type { TrainEvent } from '../train/events.js'

/** The file in a training's folder that has an event a line. */
export const HISTORY = 'history.jsonl'

const number = v.number()
const common = { epoch: number, step: number, loss: number, /** Milliseconds since 1970. */ time: number }
const rates = { epochs: number, gradNorm: number, lr: number, tokensPerSecond: number }
const eventSchema = v.variant('type', [
  v.object({ type: v.literal('step'), ...common, ...rates, batch: number }),
  v.object({ type: v.literal('epoch'), ...common, ...rates, perplexity: number }),
  v.object({ type: v.literal('validation'), ...common, perplexity: number, best: v.boolean() }),
])

/** An event of a training, and when it was. */
export type HistoryEvent = TrainEvent & { time: number }

/** Milliseconds between two steps that are written: a history of hours stays readable. */
const STEP_INTERVAL = 1000

/** Appends events to a history: every epoch and validation, and about a step a second. */
export class HistoryWriter {
  readonly #file: FileHandle
  #lastStep = -Infinity

  private constructor(
    file: FileHandle,
    /** What is older than this training. */
    readonly earlier: readonly HistoryEvent[],
    /** Length of the file. */
    public bytes: number,
  ) {
    this.#file = file
  }

  /** @param bytes what is kept of an earlier history: its events of before a checkpoint */
  static async open(path: string, bytes: number): Promise<HistoryWriter> {
    const file = await open(path, 'a+')
    try {
      await file.truncate(Math.min(bytes, (await file.stat()).size))
      const earlier = parseHistory((await file.readFile()).toString(), path)
      return new HistoryWriter(file, earlier, (await file.stat()).size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async write(event: TrainEvent): Promise<void> {
    const time = Date.now()
    if (event.type === 'step') {
      if (time - this.#lastStep < STEP_INTERVAL) return
      this.#lastStep = time
    }
    const line = Buffer.from(`${JSON.stringify({ ...event, time })}\n`)
    await this.#file.appendFile(line)
    this.bytes += line.length
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** The events of a history. @throws DataError where there is none, FormatError for a line that is no event */
export async function readHistory(path: string): Promise<HistoryEvent[]> {
  const text = await readFile(path, 'utf8').catch(({ code, message }: NodeJS.ErrnoException) => {
    throw new DataError(
      code === 'ENOENT'
        ? `${path}: there is no such file, expected the history of a training`
        : `${path}: the file cannot be read (${message})`,
    )
  })
  return parseHistory(text, path)
}

/** A last line without its end is what a process was killed in the middle of writing. */
function parseHistory(text: string, path: string): HistoryEvent[] {
  const lines = text.split('\n')
  lines.pop()
  return lines.map((line, i) => {
    try {
      return v.parse(eventSchema, JSON.parse(line))
    } catch (error) {
      throw new FormatError(`${path}: line ${i + 1} is no event of a training (${(error as Error).message})`)
    }
  })
}

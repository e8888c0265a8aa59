import { appendFile, readFile, stat, truncate } from 'node:fs/promises'
import path from 'node:path'
import * as v from 'valibot'
import { checkNumber, checkWhole } from '../core/check.js'
import { DataError, FormatError } from '../core/errors.js'
import { checkOptions, type OptionKinds } from '../core/options.js'
import type { TrainEvent } from '../train/events.js'
import { makeFolder } from './atomic.js'

/** The file in a training's folder that has an event a line. */
export const HISTORY = 'history.jsonl'

/** An event as a history tells it: with the seconds of training until then, pauses between resumed parts left out. */
export type HistoryEvent = TrainEvent & { seconds: number }

export interface HistoryOptions {
  /**
   * How much of an earlier history is kept: its `bytes` when the checkpoint was written that a training goes on
   * from. Default 0: the history begins anew.
   */
  bytes?: number
  /** Seconds between two step events at least; 0 keeps all. Default 1. */
  interval?: number
}

const historyOptions: OptionKinds<HistoryOptions> = { bytes: 'any', interval: 'any' }

/** Bytes beyond which a history is not read. */
const MAX_BYTES = 2 ** 28

/**
 * Writes a training's events into a file, one JSON object a line: all epochs and validations, and steps as often
 * as `interval` allows. Each event is handed to the system as one whole line before `write` resolves, so a
 * process that is killed loses at most the line in hand. The file is opened by its name each time: the folder
 * around it may be replaced between two events, as `saveModel` does.
 */
export class HistoryWriter {
  readonly #file: string
  readonly #before: number
  readonly #start = performance.now()
  readonly #due: () => boolean

  private constructor(
    file: string,
    /** The events that were kept. */
    readonly earlier: readonly HistoryEvent[],
    /** Length of the file. */
    public bytes: number,
    interval: number,
  ) {
    this.#file = file
    this.#before = earlier.at(-1)?.seconds ?? 0
    this.#due = atMostEvery(interval)
  }

  /** @throws DataError, FormatError where a history is to be continued that cannot be read */
  static async open(file: string, options: HistoryOptions = {}): Promise<HistoryWriter> {
    checkOptions('HistoryWriter.open', options, historyOptions)
    const { bytes = 0, interval = 1 } = options
    checkWhole('HistoryWriter.open', 'bytes', bytes, 0)
    checkNumber('HistoryWriter.open', 'interval', interval, 0)
    await makeFolder(path.dirname(file))
    await appendFile(file, '')
    const { size } = await stat(file)
    const kept = Math.min(bytes, size)
    await truncate(file, kept)
    return new HistoryWriter(file, await readHistory(file), kept, interval)
  }

  async write(event: TrainEvent): Promise<void> {
    if (event.type === 'step' && !this.#due()) return
    const seconds = this.#before + (performance.now() - this.#start) / 1000
    const line = Buffer.from(`${JSON.stringify({ ...event, seconds: Number(seconds.toFixed(3)) })}\n`)
    await appendFile(this.#file, line)
    this.bytes += line.length
  }
}

/** @returns a function that is true when it is first called, and then once `seconds` have gone by since */
export function atMostEvery(seconds: number): () => boolean {
  let next = -Infinity
  return () => {
    const now = performance.now()
    if (now < next) return false
    next = now + seconds * 1000
    return true
  }
}

/**
 * Reads what a HistoryWriter wrote. A last line that a killed process left torn is passed over.
 * @throws DataError where there is no such file, FormatError that names the line that is no event
 */
export async function readHistory(file: string): Promise<HistoryEvent[]> {
  const lines = (await readWhole(file)).split('\n')
  const last = lines.pop()!
  if (parseJson(last) !== undefined) lines.push(last)
  return lines.map((line, i) => parseEvent(line, `${file}, line ${i + 1}`))
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const number = v.pipe(v.number(), v.finite())
/** JSON has no Infinity, which e^loss of a bad beginning is; it is written as null. */
const unbounded = v.pipe(
  v.nullable(number),
  v.transform((value) => value ?? Infinity),
)
const common = { epoch: count, step: count, loss: number, seconds: number }
const progress = { epochs: count, lr: number, gradNorm: unbounded, tokensPerSecond: unbounded }

const eventSchema = v.variant('type', [
  v.object({ type: v.literal('step'), batch: count, ...progress, ...common }),
  v.object({ type: v.literal('epoch'), perplexity: unbounded, ...progress, ...common }),
  v.object({ type: v.literal('validation'), perplexity: unbounded, best: v.boolean(), ...common }),
])

function parseEvent(line: string, where: string): HistoryEvent {
  const json = parseJson(line)
  if (json === undefined) throw new FormatError(`${where}: it is not JSON, expected an event of a training`)
  const result = v.safeParse(eventSchema, json)
  if (result.success) return result.output
  const [issue] = result.issues
  const key = v.getDotPath(issue)
  const what = key ? `${key} is ${issue.received}` : `the value is ${issue.received}`
  throw new FormatError(`${where}: ${what}, expected ${issue.expected}`)
}

/** @returns undefined for what is no JSON */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function readWhole(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size > MAX_BYTES) throw new FormatError(`${file}: it has ${size} bytes, expected at most ${MAX_BYTES}`)
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof FormatError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new DataError(
      code === 'ENOENT'
        ? `${file}: there is no such file, expected the history that a training writes`
        : `${file}: the history cannot be read (${message})`,
    )
  }
}

import { FormatError } from '../core/errors.js'
import { toJson } from '../core/json.js'
import { boolean, finite, fitting, object, oneOf, record, type Schema, whole } from '../core/parse.js'
import type { TrainEvent } from '../train/training-events.js'
import { HISTORY, type RecordFile, type RunStore } from './store.js'

/** A training went on with other options than before. */
export interface ResumeEvent {
  type: 'resume'
  epoch: number
  /** Steps since the beginning. */
  step: number
  /** The options that changed, with their new values. */
  options: Record<string, string | number | boolean>
}

/** An event in a history, with the seconds of training until then, not counting pauses before it was resumed. */
export type HistoryEvent = (TrainEvent | ResumeEvent) & { seconds: number }

/** The largest history that is read, in bytes. */
const MAX_BYTES = 2 ** 28

/**
 * Writes a training's events into a file, one JSON object per line: all epochs and validations, and steps as often
 * as `interval` allows. Each event is handed to the store as one whole line before `write` resolves, so a
 * process that is killed loses at most the current line.
 */
export class EventWriter {
  readonly #file: RecordFile
  readonly #before: number
  readonly #start = performance.now()
  readonly #due: () => boolean

  /**
   * @param earlier the events that the file already has
   * @param interval the least number of seconds between two step events; 0 keeps all
   */
  constructor(
    file: RecordFile,
    readonly earlier: readonly HistoryEvent[] = [],
    interval = 1,
  ) {
    this.#file = file
    this.#before = earlier.at(-1)?.seconds ?? 0
    this.#due = atMostEvery(interval)
  }

  /** Length of the file. */
  get bytes(): number {
    return this.#file.bytes
  }

  /** @throws DataError if the file cannot be written; the event is then written together with the next one */
  async write(event: TrainEvent | ResumeEvent): Promise<void> {
    if (event.type === 'step' && !this.#due()) return
    const seconds = this.#before + (performance.now() - this.#start) / 1000
    await this.#file.append(new TextEncoder().encode(`${toJson({ ...event, seconds: Number(seconds.toFixed(3)) })}\n`))
  }

  /** Writes the events that had to wait. @throws DataError if the file still cannot be written */
  flush(): Promise<void> {
    return this.#file.flush()
  }
}

/**
 * Opens the history of a run to continue it.
 * @param bytes its length when the last checkpoint was written; anything after that is dropped
 * @throws DataError if the file cannot be written; FormatError if its beginning is not a history
 */
export async function openHistory(store: RunStore, bytes: number): Promise<EventWriter> {
  const where = `${store.name}/${HISTORY}`
  const read = await store.read(HISTORY, (file) => {
    const length = Math.min(bytes, file.size)
    checkHistorySize(length, where)
    return file.read(0, length)
  })
  const whole = wholeLines(read ?? new Uint8Array())
  return new EventWriter(await store.append(HISTORY, whole.length), parseHistory(decode(whole), where))
}

/** The bytes up to the end of the last whole line, so that the next line does not begin in the middle of a torn one. */
export const wholeLines = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.lastIndexOf(10) + 1)

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** @throws FormatError for a history that is too long to come from a training */
export function checkHistorySize(bytes: number, where: string): void {
  if (bytes > MAX_BYTES) throw new FormatError(`${where}: it has ${bytes} bytes, expected at most ${MAX_BYTES}`)
}

/** @returns a function that returns true at its first call, and then whenever `seconds` have passed since it last did */
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
 * The events of a history. An incomplete last line, which a killed process can leave, is skipped.
 * @param where the file's name, for messages
 * @throws FormatError that names the line that is not an event
 */
export function parseHistory(text: string, where: string): HistoryEvent[] {
  const lines = text.split('\n')
  const last = lines.pop()!
  if (parseJson(last) !== undefined) lines.push(last)
  return lines.map((line, i) => parseEvent(line, `${where}, line ${i + 1}`))
}

const count = whole(0)
/** JSON has no Infinity, which e^loss can be early in a training. It is left out; older versions wrote null. */
const unbounded: Schema<number> = (value, where, name) =>
  value === undefined || value === null ? Infinity : finite(value, where, name)
const common = { epoch: count, step: count, loss: finite, seconds: finite }
const progress = { epochs: count, lr: finite, gradNorm: unbounded, tokensPerSecond: unbounded }
const option = fitting<string | number | boolean>(
  '(string | number | boolean)',
  (value) => typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value),
)

const eventSchemas = {
  step: object({ type: oneOf('step'), batch: count, ...progress, ...common }),
  epoch: object({ type: oneOf('epoch'), perplexity: unbounded, ...progress, ...common }),
  validation: object({ type: oneOf('validation'), perplexity: unbounded, best: boolean, ...common }),
  resume: object({ type: oneOf('resume'), epoch: count, step: count, options: record(option), seconds: finite }),
}
const typeSchema = object({ type: oneOf(...(Object.keys(eventSchemas) as (keyof typeof eventSchemas)[])) })

function parseEvent(line: string, where: string): HistoryEvent {
  const json = parseJson(line)
  if (json === undefined) throw new FormatError(`${where}: it is not JSON, expected an event of a training`)
  return eventSchemas[typeSchema(json, where).type](json, where)
}

/** @returns undefined if the text is not JSON */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

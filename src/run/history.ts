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

/** An event as a history tells it: with the seconds of training until then, pauses between resumed parts left out. */
export type HistoryEvent = (TrainEvent | ResumeEvent) & { seconds: number }

/** Bytes beyond which a history is not read. */
const MAX_BYTES = 2 ** 28

/**
 * Writes a training's events into a file, one JSON object a line: all epochs and validations, and steps as often
 * as `interval` allows. Each event is handed to the store as one whole line before `write` resolves, so a
 * process that is killed loses at most the line in hand.
 */
export class EventWriter {
  readonly #file: RecordFile
  readonly #before: number
  readonly #start = performance.now()
  readonly #due: () => boolean

  /**
   * @param earlier the events that are kept of the file
   * @param interval seconds between two step events at least; 0 keeps all
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

  /** @throws DataError where the file cannot be written; the event is then written together with the next one */
  async write(event: TrainEvent | ResumeEvent): Promise<void> {
    if (event.type === 'step' && !this.#due()) return
    const seconds = this.#before + (performance.now() - this.#start) / 1000
    await this.#file.append(new TextEncoder().encode(`${toJson({ ...event, seconds: Number(seconds.toFixed(3)) })}\n`))
  }

  /** Writes the events that had to wait. @throws DataError where the file still cannot be written */
  flush(): Promise<void> {
    return this.#file.flush()
  }
}

/**
 * The history of a run, continued.
 * @param bytes its length when the checkpoint was written that the run goes on from; what came later is dropped
 * @throws DataError where the file cannot be written, FormatError where its beginning is no history
 */
export async function openHistory(store: RunStore, bytes: number): Promise<EventWriter> {
  const where = `${store.name}/${HISTORY}`
  const read = await store.read(HISTORY, (file) => {
    const length = Math.min(bytes, file.size)
    checkLength(length, where)
    return file.read(0, length)
  })
  const whole = wholeLines(read ?? new Uint8Array())
  return new EventWriter(await store.append(HISTORY, whole.length), parseHistory(decode(whole), where))
}

/** The bytes up to the last line's end: the next line is not to begin in the middle of one that was torn. */
export const wholeLines = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.lastIndexOf(10) + 1)

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** @throws FormatError for a history that is longer than any training makes it */
export function checkLength(bytes: number, where: string): void {
  if (bytes > MAX_BYTES) throw new FormatError(`${where}: it has ${bytes} bytes, expected at most ${MAX_BYTES}`)
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
 * The events of a history. A last line that a killed process left torn is passed over.
 * @param where the file's name, for messages
 * @throws FormatError that names the line that is no event
 */
export function parseHistory(text: string, where: string): HistoryEvent[] {
  const lines = text.split('\n')
  const last = lines.pop()!
  if (parseJson(last) !== undefined) lines.push(last)
  return lines.map((line, i) => parseEvent(line, `${where}, line ${i + 1}`))
}

const count = whole(0)
/** JSON has no Infinity, which e^loss of a bad beginning is; it is left out, and was once written as null. */
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

/** @returns undefined for what is no JSON */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

import { checkNumber, checkWhole } from '../core/check.js'
import { DataError, FormatError } from '../core/errors.js'
import { toJson } from '../core/json.js'
import { checkOptions, type OptionKinds } from '../core/options.js'
import { boolean, finite, fitting, object, oneOf, record, type Schema, whole } from '../core/parse.js'
import type { TrainEvent } from '../train/events.js'
import { AppendedFile } from './appended-file.js'
import { readFile, stat } from './files.js'
import { checkPath } from './path-argument.js'

/** The file in a training's folder that has an event a line. */
export const HISTORY = 'history.jsonl'

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

/** How much of an earlier history is kept, and how many steps are told. */
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
 * process that is killed loses at most the line in hand.
 */
export class HistoryWriter {
  readonly #file: AppendedFile
  readonly #before: number
  readonly #start = performance.now()
  readonly #due: () => boolean

  private constructor(
    file: AppendedFile,
    /** The events that were kept. */
    readonly earlier: readonly HistoryEvent[],
    interval: number,
  ) {
    this.#file = file
    this.#before = earlier.at(-1)?.seconds ?? 0
    this.#due = atMostEvery(interval)
  }

  /** @throws DataError, FormatError where a history is to be continued that cannot be read */
  static async open(file: string, options: HistoryOptions = {}): Promise<HistoryWriter> {
    checkPath('HistoryWriter.open', 'the file', file)
    checkOptions('HistoryWriter.open', options, historyOptions)
    const { bytes = 0, interval = 1 } = options
    checkWhole('HistoryWriter.open', 'bytes', bytes, 0)
    checkNumber('HistoryWriter.open', 'interval', interval, 0)
    const appended = await AppendedFile.open(file, bytes)
    // The next line is not to begin in the middle of one that was torn.
    if (appended.bytes <= MAX_BYTES) await appended.cut((await readFile(file)).lastIndexOf('\n') + 1)
    return new HistoryWriter(appended, await readHistory(file), interval)
  }

  /** Length of the file. */
  get bytes(): number {
    return this.#file.bytes
  }

  /** @throws DataError where the file cannot be written; the event is then written together with the next one */
  async write(event: TrainEvent | ResumeEvent): Promise<void> {
    if (event.type === 'step' && !this.#due()) return
    const seconds = this.#before + (performance.now() - this.#start) / 1000
    await this.#file.append(Buffer.from(`${toJson({ ...event, seconds: Number(seconds.toFixed(3)) })}\n`))
  }

  /** Writes the events that had to wait. @throws DataError where the file still cannot be written */
  flush(): Promise<void> {
    return this.#file.flush()
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
  checkPath('readHistory', 'the file', file)
  const lines = (await readWhole(file)).split('\n')
  const last = lines.pop()!
  if (parseJson(last) !== undefined) lines.push(last)
  return lines.map((line, i) => parseEvent(line, `${file}, line ${i + 1}`))
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

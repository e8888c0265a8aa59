import { checkNumber, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { DataError, FormatError } from '../core/errors.js'
import { checkHistorySize, EventWriter, type HistoryEvent, parseHistory, wholeLines } from '../run/history.js'
import type { RecordFile } from '../run/store.js'
import { AppendedFile } from './appended-file.js'
import { readFile, stat } from './files.js'
import { checkPath } from './path-argument.js'

/** How much of an earlier history is kept, and how many steps are recorded. */
export interface HistoryOptions {
  /**
   * How much of an earlier history is kept: its `bytes` when the checkpoint was written that a training is resumed
   * from. Default 0: a new history begins.
   */
  bytes?: number
  /** The least number of seconds between two step events; 0 keeps all. Default 1. */
  interval?: number
}

const historyOptions: OptionKinds<HistoryOptions> = { bytes: 'any', interval: 'any' }

/** Writes a training's events into a file, one JSON object per line. */
export class HistoryWriter extends EventWriter {
  private constructor(file: RecordFile, earlier: readonly HistoryEvent[], interval: number) {
    super(file, earlier, interval)
  }

  /** @throws DataError or FormatError if a history cannot be read to continue it */
  static async open(file: string, options: HistoryOptions = {}): Promise<HistoryWriter> {
    checkPath('HistoryWriter.open', 'the file', file)
    checkOptions('HistoryWriter.open', options, historyOptions)
    const { bytes = 0, interval = 1 } = options
    checkWhole('HistoryWriter.open', 'bytes', bytes, 0)
    checkNumber('HistoryWriter.open', 'interval', interval, 0)
    const appended = await AppendedFile.open(file, bytes)
    const whole = wholeLines(await readWhole(file))
    await appended.cut(whole.length)
    return new HistoryWriter(appended, parseHistory(decode(whole), file), interval)
  }
}

/**
 * Reads what a HistoryWriter wrote. An incomplete last line, which a killed process can leave, is skipped.
 * @throws DataError if there is no such file; FormatError that names the line that is not an event
 */
export async function readHistory(file: string): Promise<HistoryEvent[]> {
  checkPath('readHistory', 'the file', file)
  return parseHistory(decode(await readWhole(file)), file)
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

async function readWhole(file: string): Promise<Uint8Array> {
  try {
    checkHistorySize((await stat(file)).size, file)
    return await readFile(file)
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

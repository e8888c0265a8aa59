import path from 'node:path'
import { DataError } from '../core/errors.js'
import { whyNotWritten } from '../core/refusal.js'
import { makeFolder } from './atomic.js'
import { appendFile, stat, truncate } from './files.js'

/**
 * A file that grows by whole records. A record that the disk refuses is kept and written before the next one, and
 * no part of it stays in the file. The file is opened by its name each time, because the folder around it may be replaced
 * between two records, as `saveModel` does.
 */
export class AppendedFile {
  #waiting: Uint8Array[] = []

  private constructor(
    readonly file: string,
    /** The length of the file. */
    public bytes: number,
  ) {}

  /**
   * Makes the file if it is missing.
   * @param kept how many of its bytes are kept
   * @throws DataError if it cannot be written
   */
  static async open(file: string, kept: number): Promise<AppendedFile> {
    return orRefusal(file, async () => {
      await makeFolder(path.dirname(file))
      await appendFile(file, '')
      const bytes = Math.min(kept, (await stat(file)).size)
      await truncate(file, bytes)
      return new AppendedFile(file, bytes)
    })
  }

  /** The system has the whole records when this resolves. @throws DataError if they have to wait */
  async append(record: Uint8Array): Promise<void> {
    this.#waiting.push(record)
    await this.flush()
  }

  /** Writes the records that wait. @throws DataError if they still have to wait */
  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return
    const all = Buffer.concat(this.#waiting)
    await orRefusal(this.file, async () => {
      try {
        await appendFile(this.file, all)
      } catch (error) {
        await this.#cutBack()
        throw error
      }
    })
    this.bytes += all.length
    this.#waiting = []
  }

  /** Truncates the file to this many bytes. @throws DataError if the file cannot be written */
  async cut(bytes: number): Promise<void> {
    if (bytes === this.bytes) return
    await orRefusal(this.file, () => truncate(this.file, bytes))
    this.bytes = bytes
  }

  async #cutBack(): Promise<void> {
    const size = await stat(this.file).then(
      (info) => info.size,
      () => 0,
    )
    if (size > this.bytes) await truncate(this.file, this.bytes)
  }
}

async function orRefusal<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new DataError(`${file}: the file cannot be written, because ${whyNotWritten(error as Error)}`)
  }
}

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { DataError, FormatError } from '../../config.js'
import type { SweepPlan, TrialResult } from '../../node.js'
import { writeOut } from '../write-out.js'

/** The file in a sweep's folder that has its plan and its results. */
export const RESULTS = 'sweep.json'

interface Record {
  plan: SweepPlan
  results: TrialResult[]
}

/** The results of a sweep, in a file that is written anew, whole, for each. */
export class Results {
  readonly #file: string
  readonly #record: Record
  #written: Promise<void> = Promise.resolve()

  private constructor(file: string, record: Record) {
    this.#file = file
    this.#record = record
  }

  /** @throws DataError if the folder has another sweep; FormatError if its file is damaged */
  static async open(folder: string, plan: SweepPlan): Promise<Results> {
    const file = path.join(folder, RESULTS)
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) {
      const results = new Results(file, { plan, results: [] })
      await results.#write()
      return results
    }
    const record = parse(text, file)
    // Both as JSON has them.
    if (JSON.stringify(record.plan) !== JSON.stringify(plan)) {
      throw new DataError(
        `${folder}: a sweep with other settings began there; restore its settings, or choose another folder with --out`,
      )
    }
    return new Results(file, record)
  }

  get all(): readonly TrialResult[] {
    return this.#record.results
  }

  async add(result: TrialResult): Promise<void> {
    this.#record.results.push(result)
    await this.#write()
  }

  /** One after the other, because of two at once the earlier could come to the disk last, without the later's result. */
  #write(): Promise<void> {
    const write = () => writeOut(this.#file, `${JSON.stringify(this.#record, null, 2)}\n`)
    this.#written = this.#written.then(write, write)
    return this.#written
  }
}

function parse(text: string, file: string): Record {
  try {
    const record = JSON.parse(text) as Record
    const fits = record.results.every(
      ({ trial, epochs, loss }) =>
        Number.isInteger(trial) && Number.isInteger(epochs) && (loss === undefined || Number.isFinite(loss)),
    )
    if (record.plan && fits) return record
  } catch {}
  throw new FormatError(`${file}: it is damaged, expected the results of a sweep; choose another folder with --out`)
}

import { closeSync, openSync, readSync } from 'node:fs'
import { checkWhole } from '../core/check.js'
import { DataError } from '../core/errors.js'
import type { Corpus } from '../data/sequences.js'
import type { numbersFor } from '../data/tokens.js'
import { checkPath } from './path-argument.js'

/**
 * Token numbers in a file, one after another from its beginning, each in as many bytes as the array's elements have
 * (little-endian, like the machines that run this). Parts are read only when they are used, so that a corpus takes no
 * memory.
 */
export class FileCorpus implements Corpus {
  #descriptor: number | undefined

  /** @throws DataError if the file cannot be opened */
  constructor(
    readonly file: string,
    readonly Numbers: ReturnType<typeof numbersFor>,
    readonly length: number,
  ) {
    checkPath('FileCorpus', 'the file', file)
    checkWhole('FileCorpus', 'length', length, 0)
    try {
      this.#descriptor = openSync(file, 'r')
    } catch (error) {
      throw new DataError(`${file}: the tokens of a text cannot be read (${(error as Error).message})`)
    }
  }

  /** The size of all numbers, in bytes. */
  get byteLength(): number {
    return this.length * this.Numbers.BYTES_PER_ELEMENT
  }

  /**
   * A copy of the numbers from `from` up to `to`, limited to those that exist.
   * @throws DataError if the file is closed or was truncated since
   */
  subarray(from: number, to: number): ReturnType<Corpus['subarray']> {
    if (this.#descriptor === undefined) {
      throw new DataError(`${this.file}: the corpus is closed; close it only when nothing is read from it any more`)
    }
    const start = Math.max(0, Math.min(from, this.length))
    const numbers = new this.Numbers(Math.max(0, Math.min(to, this.length) - start))
    let done = 0
    while (done < numbers.byteLength) {
      const place = start * numbers.BYTES_PER_ELEMENT + done
      const read = readSync(this.#descriptor, numbers, done, numbers.byteLength - done, place)
      if (read === 0)
        throw new DataError(`${this.file}: the file was cut while tokens were read from it; load the text again`)
      done += read
    }
    return numbers
  }

  /** Closes the file. Closing it again has no effect. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

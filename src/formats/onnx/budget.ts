import { FormatError } from '../../core/errors.js'

/** The most values that the arrays of one run of a graph may have together, 4 bytes each. */
const MOST_VALUES = 2 ** 28

/**
 * Bounds the memory and the time that a graph takes, whatever sizes it claims: a run may do work in proportion to the size
 * of the file times the number of tokens, or of rows of features, that it is fed.
 */
export class Budget {
  #values = MOST_VALUES
  #work: number

  /** @param where the file's name, for messages */
  constructor(
    bytes: number,
    fed: number,
    readonly where: string,
  ) {
    this.#work = 16 * (bytes + 2 ** 16) * (fed + 1)
  }

  /** Asks for room for an array of values. @throws FormatError if there would be too many of them */
  values(count: number, what: string): void {
    this.#values -= count
    // Not a number, if the lengths of axes were none.
    if (!(this.#values >= 0))
      throw new FormatError(`${this.where}: ${what} makes ${count} values, more than a run may hold`)
    this.work(count, what)
  }

  /** Asks for a number of operations on values. @throws FormatError if there would be too many of them */
  work(count: number, what: string): void {
    this.#work -= count
    if (this.#work >= 0) return
    throw new FormatError(`${this.where}: ${what} needs more work than a graph of this size may do on such inputs`)
  }
}

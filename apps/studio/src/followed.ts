import { type HistoryEvent, parseHistory } from 'unrolled/browser'

/** Reads a file from a byte on; undefined if it has no byte there. */
export type ReadFrom = (from: number) => Promise<Uint8Array | undefined>

const LINE_END = 10

/** A history that may grow, of which only what is new is read. */
export class FollowedHistory {
  #events: HistoryEvent[] = []
  /** The last whole line that was read, and where it begins. */
  #last = new Uint8Array(0)
  #at = 0
  readonly #read: ReadFrom
  readonly #name: string

  /** @param name for messages */
  constructor(name: string, read: ReadFrom) {
    this.#name = name
    this.#read = read
  }

  /** What was read last. */
  get known(): readonly HistoryEvent[] {
    return this.#events
  }

  /** All events so far. @throws what reading throws; FormatError if the file is no history */
  async events(): Promise<readonly HistoryEvent[]> {
    const bytes = await this.#read(this.#at)
    // A training that goes on from its last checkpoint cuts off what it had written after that.
    const goesOn = bytes && this.#last.every((byte, i) => bytes[i] === byte)
    if (goesOn) this.#take(bytes)
    else if (this.#at > 0 || this.#last.length > 0) {
      this.#events = []
      this.#last = new Uint8Array(0)
      this.#at = 0
      this.#take((await this.#read(0)) ?? new Uint8Array(0))
    }
    return this.#events
  }

  /** @param bytes from the last line that is known on */
  #take(bytes: Uint8Array): void {
    const end = bytes.lastIndexOf(LINE_END) + 1
    const known = this.#last.length
    if (end <= known) return
    this.#events = [...this.#events, ...parseHistory(new TextDecoder().decode(bytes.slice(known, end)), this.#name)]
    const begin = bytes.lastIndexOf(LINE_END, end - 2) + 1
    this.#last = bytes.slice(begin, end)
    this.#at += begin
  }
}

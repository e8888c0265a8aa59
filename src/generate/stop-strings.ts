import { checkStrings } from '../core/check.js'
import { OptionError } from '../core/errors.js'

/** Stop strings as a list. @throws OptionError for one that is empty or not a string */
export function stopsOf(where: string, stop: string | readonly string[] = []): readonly string[] {
  const stops = typeof stop === 'string' ? [stop] : stop
  checkStrings(where, 'stop', stops)
  if (stops.includes('')) {
    throw new OptionError(`${where}: stop is ${JSON.stringify(stop)}, expected texts of one character or more`, [
      'stop',
    ])
  }
  return stops
}

/** The place in a text where the first of the stop strings begins, or −1. */
export function stopIn(text: string, stops: readonly string[]): number {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
  return found.length > 0 ? Math.min(...found) : -1
}

/** Passes the tokens of a text on up to a stop string; a token that may be part of one waits until that is known. */
export class StopFilter<T extends { text: string }> {
  readonly #stops: readonly string[]
  #waiting: T[] = []
  #text = ''
  /** Whether there was a stop string. */
  ended = false

  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  /** Adds a token, and returns those that are certain now. If a stop string cuts a word, the beginning of the word is kept. */
  push(token: T): T[] {
    this.#waiting.push(token)
    this.#text += token.text
    const stop = stopIn(this.#text, this.#stops)
    if (stop < 0) return this.#release(this.#text.length - this.#undecided())
    this.ended = true
    const certain = this.#release(stop)
    const rest = stop - certain.reduce((sum, { text }) => sum + text.length, 0)
    if (rest > 0) certain.push({ ...this.#waiting[0], text: this.#text.slice(0, rest) })
    this.#waiting = []
    return certain
  }

  /** Returns the tokens that still wait when the text ends without a stop string. */
  flush(): T[] {
    return this.#release(this.#text.length)
  }

  /** The tokens whose text is within the first `length` characters. */
  #release(length: number): T[] {
    let [count, end] = [0, 0]
    while (count < this.#waiting.length && end + this.#waiting[count].text.length <= length) {
      end += this.#waiting[count].text.length
      count++
    }
    this.#text = this.#text.slice(end)
    return this.#waiting.splice(0, count)
  }

  /** Length of the longest end of the text that a stop string begins with. */
  #undecided(): number {
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length - 1))
    for (let length = Math.min(longest, this.#text.length); length > 0; length--) {
      const end = this.#text.slice(-length)
      if (this.#stops.some((stop) => stop.startsWith(end))) return length
    }
    return 0
  }
}

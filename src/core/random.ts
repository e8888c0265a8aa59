import { checkArgument, checkNumber, checkWhole } from './check.js'
import { fillMask, type RandomKey } from './counter-random.js'
import { describe } from './describe.js'
import { OptionError } from './errors.js'

/** One step of splitmix32: spreads a seed over the generator's state. */
function splitmix32(seed: number): () => number {
  let a = seed | 0
  return () => {
    a = (a + 0x9e3779b9) | 0
    let t = a ^ (a >>> 16)
    t = Math.imul(t, 0x21f0aaad)
    t ^= t >>> 15
    t = Math.imul(t, 0x735a2d97)
    return (t ^ (t >>> 15)) >>> 0
  }
}

const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k))

/** What `Generator.state` takes and gives: numbers that JSON keeps exactly. */
export type GeneratorState = readonly number[]

/**
 * Seeded random numbers, one after another: xoshiro128** (Blackman & Vigna 2018), its state filled from the seed by
 * splitmix32. When many are made at once, as for initial values and dropout, it draws a key, and each number depends
 * only on that key and its place (counter-random.ts). A seed gives the same numbers on every platform and device.
 */
export class Generator {
  readonly #s = new Uint32Array(4)
  #spare: number | undefined

  /** @throws OptionError unless the seed is a whole number of 0 or more */
  constructor(seed = 0) {
    checkWhole('Generator', 'seed', seed, 0)
    const low = splitmix32(seed % 2 ** 32)
    for (let i = 0; i < 4; i++) this.#s[i] = low()
    if (seed < 2 ** 32) return
    // The high half is XORed in the opposite order, so that equal halves don't cancel each other out.
    const high = splitmix32(Math.floor(seed / 2 ** 32))
    for (let i = 3; i >= 0; i--) this.#s[i] ^= high()
  }

  /**
   * Everything that the next numbers depend on: four words and, after an odd number of calls of `normal`, its next
   * result. Setting a state that was read before, here or in another generator, repeats the numbers.
   * @throws OptionError when it is set to anything else
   */
  get state(): GeneratorState {
    return this.#spare === undefined ? [...this.#s] : [...this.#s, this.#spare]
  }

  set state(state: GeneratorState) {
    const words = Array.isArray(state) ? state.slice(0, 4) : []
    if (words.length !== 4 || state.length > 5 || words.every((word) => word === 0)) {
      const found = Array.isArray(state) ? `an array of ${state.length} numbers` : describe(state)
      throw new OptionError(
        `Generator.state: it is ${found}, expected an array of 4 words that are not all 0, or 5 numbers`,
      )
    }
    for (const word of words) checkWhole('Generator.state', 'word', word, 0, 2 ** 32 - 1)
    if (state.length === 5) checkNumber('Generator.state', 'the normal number', state[4], -10, 10)
    this.#s.set(words)
    this.#spare = state[4]
  }

  /** A whole number from 0 to 2³² − 1. */
  bits(): number {
    const s = this.#s
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotate(s[3], 11)
    return result
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.bits() / 2 ** 32
  }

  /** Draws the key of a call that makes many numbers at once, such as a dropout mask; see `Device.mask`. */
  key(): RandomKey {
    return [this.bits(), this.bits()]
  }

  /** Sets each value to `value` with probability 1 − p, or else to 0, by counter-based numbers under the next key. */
  mask(values: Float32Array | Float64Array, p: number, value: number): void {
    const fits = values instanceof Float32Array || values instanceof Float64Array
    checkArgument('Generator.mask', 'values', values, fits, 'an array of floats')
    checkNumber('Generator.mask', 'p', p, 0, 1)
    checkArgument('Generator.mask', 'value', value, typeof value === 'number', 'a number')
    fillMask(this.key(), p, value, values)
  }

  /** Standard normal (Box & Muller 1958; the second value of each pair is kept for the next call). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare
      this.#spare = undefined
      return spare
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  /** A whole number from 0 to n − 1, each equally likely. @throws OptionError unless n is whole, from 1 to 2³² */
  integer(n: number): number {
    checkWhole('Generator.integer', 'n', n)
    checkNumber('Generator.integer', 'n', n, 1, 2 ** 32)
    const limit = 2 ** 32 - (2 ** 32 % n)
    let value = this.bits()
    while (value >= limit) value = this.bits()
    return value % n
  }

  /** Shuffles in place (Fisher & Yates) and returns the same array, typed or not. */
  shuffle<T extends { readonly length: number; [index: number]: unknown }>(all: T): T {
    const fits = Array.isArray(all) || (ArrayBuffer.isView(all) && !(all instanceof DataView))
    checkArgument('Generator.shuffle', 'the items', all, fits && !Object.isFrozen(all), 'an array that is not frozen')
    const items: { [index: number]: unknown; readonly length: number } = all
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      ;[items[i], items[j]] = [items[j], items[i]]
    }
    return all
  }
}

let current: Generator | undefined

/** The generator that is used by everything that is not given one. */
export function defaultGenerator(): Generator {
  current ??= new Generator()
  return current
}

/** Restarts the default generator. The same seed gives the same numbers. */
export function manualSeed(seed: number): void {
  checkWhole('manualSeed', 'seed', seed, 0)
  current = new Generator(seed)
}

/** Bytes that are mixed in at a time. */
const BLOCK = 64

/** The first prime numbers. */
const primes = (count: number): number[] => {
  const found: number[] = []
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n)
  return found
}

/** The first 32 bits of the fractional part. */
const fraction = (x: number): number => (x % 1) * 2 ** 32

/** The initial hash value, and the constants of the 64 rounds; computed at the first use. */
let constants: { initial: Int32Array; rounds: Int32Array } | undefined

const constantsOf = () => {
  constants ??= {
    initial: Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime))),
    rounds: Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime))),
  }
  return constants
}

/**
 * SHA-256 (FIPS 180-4) of bytes that come in pieces. The Web Crypto API takes only one piece of limited size, and pages
 * that were loaded without TLS do not have it.
 */
export class Sha256 {
  readonly #state = constantsOf().initial.slice()
  readonly #rounds = constantsOf().rounds
  readonly #words = new Int32Array(BLOCK)
  /** Bytes that do not fill a block yet. */
  readonly #rest = new Uint8Array(BLOCK)
  #bytes = 0

  update(bytes: Uint8Array): this {
    const waiting = this.#bytes % BLOCK
    this.#bytes += bytes.length
    let at = 0
    if (waiting > 0) {
      at = Math.min(BLOCK - waiting, bytes.length)
      this.#rest.set(bytes.subarray(0, at), waiting)
      if (waiting + at < BLOCK) return this
      this.#mix(new DataView(this.#rest.buffer), 0)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.#mix(view, at)
    this.#rest.set(bytes.subarray(at))
    return this
  }

  /** The hash as hexadecimal digits. Nothing may be added afterwards. */
  digest(): string {
    const bits = BigInt(this.#bytes) * 8n
    // The padding is a bit of 1, zeros, and the number of bits in the last 8 bytes of a block.
    const padding = new Uint8Array(BLOCK - ((this.#bytes + 8) % BLOCK) + 8)
    padding[0] = 0x80
    new DataView(padding.buffer).setBigUint64(padding.length - 8, bits)
    this.update(padding)
    return [...this.#state].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
  }

  #mix(view: DataView, at: number): void {
    const w = this.#words
    const state = this.#state
    const rounds = this.#rounds
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i)
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]
      const y = w[i - 2]
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      w[i] = w[i - 16] + s0 + w[i - 7] + s1
    }
    let a = state[0]
    let b = state[1]
    let c = state[2]
    let d = state[3]
    let e = state[4]
    let f = state[5]
    let g = state[6]
    let h = state[7]
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + rounds[i] + w[i]) | 0
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e
    state[5] += f
    state[6] += g
    state[7] += h
  }
}

/** Two words that decide the random numbers of one call: `Generator.key` draws them. */
export type RandomKey = readonly [number, number]

/** Bits by which the second word is rotated in eight rounds, one after another. */
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24]
const ROUNDS = 13
const PARITY = 0x1bd11bda

/**
 * Threefry-2x32 with 13 rounds, the fewest that pass BigCrush (Salmon, Moraes, Dror & Shaw 2011, "Parallel random
 * numbers: as easy as 1, 2, 3"): two random words that depend only on a key and a counter, so that numbers can be made
 * in any order, on any number of threads and on any device. assembly/random.ts is its twin.
 */
export function threefry([k0, k1]: RandomKey, [c0, c1]: readonly [number, number]): [number, number] {
  const key = [k0, k1, k0 ^ k1 ^ PARITY]
  let [a, b] = [(c0 + k0) | 0, (c1 + k1) | 0]
  for (let round = 0; round < ROUNDS; round++) {
    const bits = ROTATIONS[round % 8]
    a = (a + b) | 0
    b = ((b << bits) | (b >>> (32 - bits))) ^ a
    if (round % 4 !== 3) continue
    const group = (round + 1) / 4
    a = (a + key[group % 3]) | 0
    b = (b + key[(group + 1) % 3] + group) | 0
  }
  return [a >>> 0, b >>> 0]
}

type Floats = Float32Array | Float64Array

/** Calls `take` with random words 0, 1, …; counter i gives the words 2 i and 2 i + 1. */
function eachWord(key: RandomKey, count: number, take: (word: number, i: number) => void): void {
  for (let i = 0; i < count; i += 2) {
    const [first, second] = threefry(key, [i / 2, 0])
    take(first, i)
    if (i + 1 < count) take(second, i + 1)
  }
}

/** Random multiples of 2⁻²⁴ in [0, 1), which float32 holds exactly. */
export function fillUniform(key: RandomKey, y: Floats): void {
  eachWord(key, y.length, (word, i) => {
    y[i] = (word >>> 8) / 2 ** 24
  })
}

/** The least whole k for which k · 2⁻²⁴ is at least p. */
export const thresholdOf = (p: number): number => Math.ceil(p * 2 ** 24)

/** Writes `value` where the number that `fillUniform` makes is at least p, and 0 elsewhere. */
export function fillMask(key: RandomKey, p: number, value: number, y: Floats): void {
  const threshold = thresholdOf(p)
  eachWord(key, y.length, (word, i) => {
    y[i] = word >>> 8 >= threshold ? value : 0
  })
}

/** Standard normal numbers (Box & Muller 1958): each pair is made of the two words of a counter. */
export function fillNormal(key: RandomKey, y: Floats): void {
  for (let i = 0; i < y.length; i += 2) {
    const [first, second] = threefry(key, [i / 2, 0])
    const radius = Math.sqrt(-2 * Math.log((first + 1) / 2 ** 32))
    const angle = (2 * Math.PI * second) / 2 ** 32
    y[i] = radius * Math.cos(angle)
    if (i + 1 < y.length) y[i + 1] = radius * Math.sin(angle)
  }
}

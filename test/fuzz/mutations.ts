/** Random choices, and another file of the same kind. */
export interface Draw {
  /** A whole number from 0 to `limit` − 1. */
  below(limit: number): number
  pick<T>(items: readonly T[]): T
  readonly other: Uint8Array
}

export type Mutation = (file: Uint8Array, draw: Draw) => Uint8Array

/** Numbers at which readers break. */
export const extremes = [
  ...['0', '1', '-1', '7', '255', '65536', '2147483647', '2147483648', '4294967295', '4294967296'],
  ...['9007199254740991', '9007199254740992', '9223372036854775807', '18446744073709551615', '18446744073709551616'],
  ...['1e400', '-0', '0.5', '4.0', '4e0', '04', `${'9'.repeat(400)}`, '', 'null', 'NaN', '{}', '[]', '"4"'],
]

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/** Puts bytes in the place of those from `from` to `to`. */
export function replaced(file: Uint8Array, from: number, to: number, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(from + bytes.length + file.length - to)
  result.set(file.subarray(0, from))
  result.set(bytes, from)
  result.set(file.subarray(to), from + bytes.length)
  return result
}

const range = (file: Uint8Array, { below }: Draw): [from: number, to: number] => {
  const from = below(file.length + 1)
  return [from, from + below(Math.min(64, file.length - from) + 1)]
}

/** Mutations of files of any kind. */
export const mutations: readonly Mutation[] = [
  function flipBits(file, { below }) {
    const result = file.slice()
    if (file.length > 0) for (let left = 1 + below(4); left > 0; left--) result[below(file.length)] ^= 1 << below(8)
    return result
  },
  function setByte(file, { below, pick }) {
    const result = file.slice()
    if (file.length > 0) result[below(file.length)] = pick([0, 1, 0x22, 0x5c, 0x7f, 0x80, 0xff, below(256)])
    return result
  },
  function truncate(file, { below }) {
    return file.slice(0, below(file.length + 1))
  },
  function extend(file, { below }) {
    const more = Uint8Array.from({ length: 1 + below(40) }, () => below(256))
    return replaced(file, file.length, file.length, more)
  },
  function remove(file, draw) {
    return replaced(file, ...range(file, draw), new Uint8Array(0))
  },
  function repeat(file, draw) {
    const [from, to] = range(file, draw)
    return replaced(file, from, from, file.subarray(from, to))
  },
  function splice(file, { below, other }) {
    return replaced(other, 0, below(other.length + 1), file.subarray(0, below(file.length + 1)))
  },
  function claim(file, { below, pick }) {
    const result = file.slice()
    const width = pick([2, 4, 8])
    if (file.length < width) return result
    const most = 2n ** BigInt(8 * width)
    const near = BigInt(file.length) + BigInt(below(17) - 8)
    const value = pick([0n, 1n, most - 1n, most / 2n, most / 2n - 1n, 100_000_000n, 100_000_001n, near])
    const at = below(4) ? below(file.length - width + 1) : 0
    for (let i = 0; i < width; i++) result[at + i] = Number((value >> BigInt(8 * i)) & 0xffn)
    return result
  },
  function changeNumber(file, { pick }) {
    const numbers = [...textOf(file).matchAll(/\d+/g)]
    if (numbers.length === 0) return file
    const { index, 0: digits } = pick(numbers)
    return replaced(file, index, index + digits.length, bytesOf(pick(extremes)))
  },
]

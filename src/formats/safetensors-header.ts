import { dtypes } from './dtypes.js'

// The header of a .safetensors file, by https://github.com/huggingface/safetensors#format. It is not read by JSON.parse,
// which keeps the last of two equal keys, takes 4.0 for a whole number, and makes gigabytes of objects of some headers
// before any of them can be refused.

/** What a header says of a tensor. */
export interface TensorEntry {
  /** The kind of its values: F32, BF16, I64, … */
  readonly dtype: string
  readonly shape: readonly number[]
  /** Where its values begin and end, in bytes from the end of the header on. */
  readonly dataOffsets: readonly [begin: number, end: number]
}

/** What a .safetensors file holds, by its header. */
export interface SafetensorsHeader {
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: Readonly<Record<string, string>>
}

/** Throws an error that says what is wrong. */
export type Fail = (problem: string) => never

/** The format's own limit in bytes. */
export const MAX_HEADER = 100_000_000

/** The key whose value is not a tensor. */
export const METADATA = '__metadata__'

/** More tensors than any file has. The limit also keeps a forged header from taking minutes and gigabytes. */
export const MOST_NAMES = 2 ** 18

/** More axes than any tensor has. */
const MOST_AXES = 64

/**
 * Reads and checks a header.
 * @param bytes how many bytes of values follow it
 */
export function parseHeader(header: Uint8Array, bytes: number, fail: Fail): SafetensorsHeader {
  if (header[0] !== 0x7b) fail('the header does not begin with {, expected a JSON object')
  const json = new Scanner(textOf(header, fail), fail)
  const metadata = new Map<string, string>()
  const tensors = new Map<string, TensorEntry>()
  let parts = 0
  json.object(
    'the header',
    (name) => {
      if (name !== METADATA) tensors.set(name, readEntry(json, name, fail))
      else {
        if (parts++) fail(`the header has ${METADATA} twice, expected it once`)
        json.object(METADATA, (key) => metadata.set(key, json.string(`${METADATA}.${key}`)), metadata)
      }
    },
    tensors,
  )
  json.end()
  checkOffsets(tensors, bytes, fail)
  return { tensors, metadata: Object.fromEntries(metadata) }
}

function textOf(header: Uint8Array, fail: Fail): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header)
  } catch {
    return fail('the header is not UTF-8')
  }
}

function readEntry(json: Scanner, name: string, fail: Fail): TensorEntry {
  const found = new Map<string, unknown>()
  json.object(
    name,
    (field) => {
      if (field === 'dtype') found.set(field, json.string(`the dtype of ${name}`))
      else if (field === 'shape') found.set(field, json.wholes(`the shape of ${name}`, MOST_AXES))
      else if (field === 'data_offsets') found.set(field, json.wholes(`data_offsets of ${name}`, 2))
      else fail(`${name} has a field ${field}, expected dtype, shape and data_offsets`)
    },
    found,
  )
  const missing = ['dtype', 'shape', 'data_offsets'].find((field) => !found.has(field))
  if (missing) fail(`${name} has no ${missing}`)
  const dataOffsets = found.get('data_offsets') as number[]
  if (dataOffsets.length < 2) fail(`data_offsets of ${name} has ${dataOffsets.length} numbers, expected 2`)
  const [begin, end] = dataOffsets
  return { dtype: found.get('dtype') as string, shape: found.get('shape') as number[], dataOffsets: [begin, end] }
}

/** Checks that values have the size of their shapes, and that they follow one another without overlaps and holes. */
function checkOffsets(tensors: ReadonlyMap<string, TensorEntry>, bytes: number, fail: Fail): void {
  const ordered = [...tensors].sort(([, { dataOffsets: a }], [, { dataOffsets: b }]) => a[0] - b[0] || a[1] - b[1])
  let position = 0
  for (const [name, { dtype, shape, dataOffsets }] of ordered) {
    const [begin, end] = dataOffsets
    const bits = dtypes.get(dtype)?.bits
    if (!bits) fail(`${name} has the dtype ${dtype}, expected one of ${[...dtypes.keys()].join(', ')}`)
    const size = shape.reduce((product, length) => {
      if (product * length <= Number.MAX_SAFE_INTEGER) return product * length
      return fail(`${name} has the shape [${shape.join(', ')}], expected fewer than 2^53 values`)
    }, 1)
    const expected = (size * bits!) / 8
    if (end - begin !== expected) {
      fail(`${name} has ${end - begin} bytes, expected ${expected} for ${dtype} of the shape [${shape.join(', ')}]`)
    }
    if (begin !== position) {
      fail(`${name} begins at ${begin}, expected ${position}: values must neither overlap nor leave holes`)
    }
    if (end > bytes) fail(`${name} ends at ${end}, but the file has ${bytes} bytes of values`)
    position = end
  }
  if (position !== bytes) fail(`${bytes - position} bytes at the end do not belong to any tensor`)
}

/** Reads the JSON of which headers are made, piece by piece. */
class Scanner {
  #at = 0
  readonly #text: string
  readonly #fail: Fail

  constructor(text: string, fail: Fail) {
    this.#text = text
    this.#fail = fail
  }

  /**
   * Calls `read` after each key, to read its value.
   * @param keys the keys that were read, to find the one that comes twice
   */
  object(what: string, read: (key: string) => void, keys: { has(key: string): boolean }): void {
    this.#items(what, '{', '}', MOST_NAMES, () => {
      const key = this.string(`a key of ${what}`)
      if (keys.has(key)) this.#fail(`${what} has ${key} twice, expected it once`)
      if (!this.#takes(':')) this.#unexpected(`${key} of ${what}`, ':')
      read(key)
    })
  }

  /** An array of whole numbers. */
  wholes(what: string, most: number): number[] {
    const numbers: number[] = []
    this.#items(what, '[', ']', most, () => {
      this.#skipSpace()
      const digits = /(?:0|[1-9]\d{0,15})(?![\d.eE])/y
      digits.lastIndex = this.#at
      const number = Number(digits.exec(this.#text)?.[0])
      if (!Number.isSafeInteger(number)) this.#unexpected(what, 'a whole number from 0 to 2^53 − 1')
      this.#at = digits.lastIndex
      numbers.push(number)
    })
    return numbers
  }

  string(what: string): string {
    const start = this.#at
    if (!this.#takes('"')) this.#unexpected(what, 'a string')
    const opening = this.#at - 1
    let closing = this.#at
    while (this.#text[closing] !== '"') {
      if (closing >= this.#text.length) this.#unexpected(what, 'a string that ends')
      closing += this.#text[closing] === '\\' ? 2 : 1
    }
    this.#at = closing + 1
    const string = stringOf(this.#text.slice(opening, closing + 1))
    if (string !== undefined) return string
    this.#at = start
    return this.#unexpected(what, 'a string of Unicode')
  }

  /** Nothing but space may follow. */
  end(): void {
    this.#skipSpace()
    if (this.#at < this.#text.length) this.#unexpected('the header', 'nothing after its last }')
  }

  #items(what: string, open: string, close: string, most: number, read: () => void): void {
    if (!this.#takes(open)) this.#unexpected(what, open)
    if (this.#takes(close)) return
    for (let count = 1; count <= most; count++) {
      read()
      if (this.#takes(close)) return
      if (!this.#takes(',')) this.#unexpected(what, `, or ${close}`)
    }
    this.#fail(`${what} has more than ${most} items`)
  }

  /** Whether this character comes next; if so, it is read. */
  #takes(character: string): boolean {
    this.#skipSpace()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    while (isSpace(this.#text[this.#at])) this.#at++
  }

  #unexpected(what: string, expected: string): never {
    this.#skipSpace()
    const next = this.#text.slice(this.#at, this.#at + 20)
    return this.#fail(`${what}: ${next ? `'${next}' comes` : 'the header ends'} at ${this.#at}, expected ${expected}`)
  }
}

const isSpace = (character: string) =>
  character === ' ' || character === '\n' || character === '\r' || character === '\t'

/** A string of JSON without its quotes and escapes; undefined if it is none, or if it has half a surrogate pair. */
function stringOf(json: string): string | undefined {
  try {
    const string: string = JSON.parse(json)
    return /\p{Surrogate}/u.test(string) ? undefined : string
  } catch {
    return undefined
  }
}

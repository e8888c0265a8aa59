// The specification of .safetensors files, written out sentence by sentence and slowly. It shares nothing with the reader
// that it judges: it makes a tree of the whole header first, and reads numbers from texts of bits.
// https://github.com/huggingface/safetensors#format and docs/safetensors.schema.json there

/** JSON with everything that JSON.parse drops: equal keys, and how numbers are written. */
type Json =
  | { kind: 'object'; pairs: [key: string, value: Json][] }
  | { kind: 'array'; items: Json[] }
  | { kind: 'string'; value: string }
  | { kind: 'number' | 'word'; text: string }

class Refused extends Error {}

const must: (condition: boolean) => asserts condition = (condition) => {
  if (!condition) throw new Refused()
}

function jsonOf(text: string): Json {
  // RFC 8259. Every token is a string, a number, a word, or one of the six structural characters.
  const token = /[ \t\n\r]*("(?:[^"\\]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:])/y
  const tokens: string[] = []
  const end = /[ \t\n\r]*$/.exec(text)!.index
  while (token.lastIndex < end) {
    const found = token.exec(text)
    must(found !== null)
    tokens.push(found[1])
  }
  let next = 0
  const take = (): string => {
    must(next < tokens.length)
    return tokens[next++]
  }
  const value = (): Json => {
    const first = take()
    if (first === '{') {
      const pairs: [string, Json][] = []
      if (tokens[next] === '}') next++
      else {
        do {
          const key = value()
          must(key.kind === 'string')
          must(take() === ':')
          pairs.push([key.value, value()])
        } while (tokens[next] === ',' && next++ >= 0)
        must(take() === '}')
      }
      return { kind: 'object', pairs }
    }
    if (first === '[') {
      const items: Json[] = []
      if (tokens[next] === ']') next++
      else {
        do items.push(value())
        while (tokens[next] === ',' && next++ >= 0)
        must(take() === ']')
      }
      return { kind: 'array', items }
    }
    if (first.startsWith('"')) return { kind: 'string', value: unquoted(first) }
    must(/^[-\dtfn]/.test(first))
    return { kind: /^[tfn]/.test(first) ? 'word' : 'number', text: first }
  }
  const whole = value()
  must(next === tokens.length)
  return whole
}

function unquoted(string: string): string {
  try {
    return JSON.parse(string)
  } catch {
    throw new Refused()
  }
}

/** The fields of an object. "Duplicate keys are disallowed." */
function fieldsOf(json: Json): Map<string, Json> {
  must(json.kind === 'object')
  const fields = new Map(json.pairs)
  must(fields.size === json.pairs.length)
  for (const key of fields.keys()) must(isUnicode(key))
  return fields
}

/** A string of Unicode has no half of a surrogate pair; encodeURIComponent throws for one. */
function isUnicode(text: string): boolean {
  try {
    encodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function stringOf(json: Json | undefined): string {
  must(json?.kind === 'string' && isUnicode(json.value))
  return json.value
}

/** Natural numbers. The reader reads those that a double holds exactly. */
function naturalsOf(json: Json | undefined): bigint[] {
  must(json?.kind === 'array')
  return json.items.map((item) => {
    must(item.kind === 'number' && /^\d+$/.test(item.text))
    const natural = BigInt(item.text)
    must(natural < 2n ** 53n)
    return natural
  })
}

/** How the bits of a value are read, the first bit being the most significant one. */
const kinds: Readonly<Record<string, [width: number, read: (bits: string) => number]>> = {
  BOOL: [8, (bits) => (bits.includes('1') ? 1 : 0)],
  U8: [8, unsigned],
  U16: [16, unsigned],
  U32: [32, unsigned],
  U64: [64, unsigned],
  I8: [8, signed],
  I16: [16, signed],
  I32: [32, signed],
  I64: [64, signed],
  F64: [64, (bits) => ieee(bits, 11)],
  F32: [32, (bits) => ieee(bits, 8)],
  F16: [16, (bits) => ieee(bits, 5)],
  BF16: [16, (bits) => ieee(bits, 8)],
  F8_E5M2: [8, (bits) => ieee(bits, 5)],
  F8_E4M3: [8, (bits) => (bits.endsWith('1111111') ? Number.NaN : float(bits, 4, 7))],
  F8_E8M0: [8, (bits) => (bits === '11111111' ? Number.NaN : 2 ** (unsigned(bits) - 127))],
  F8_E4M3FNUZ: [8, (bits) => (bits === '10000000' ? Number.NaN : float(bits, 4, 8))],
  F8_E5M2FNUZ: [8, (bits) => (bits === '10000000' ? Number.NaN : float(bits, 5, 16))],
}

/** A whole number must fit into 32 bits, as the tensors of this library have them. */
function within32(value: bigint): number {
  must(value >= -(2n ** 31n) && value < 2n ** 31n)
  return Number(value)
}

function unsigned(bits: string): number {
  return within32(BigInt(`0b${bits}`))
}

function signed(bits: string): number {
  return within32(BigInt.asIntN(bits.length, BigInt(`0b${bits}`)))
}

function ieee(bits: string, exponentBits: number): number {
  const exponent = bits.slice(1, 1 + exponentBits)
  const fraction = bits.slice(1 + exponentBits)
  if (!exponent.includes('0')) return fraction.includes('1') ? Number.NaN : bits[0] === '1' ? -Infinity : Infinity
  return float(bits, exponentBits, 2 ** (exponentBits - 1) - 1)
}

function float(bits: string, exponentBits: number, bias: number): number {
  const exponent = Number.parseInt(bits.slice(1, 1 + exponentBits), 2)
  let sum = exponent === 0 ? 0 : 1
  const fraction = bits.slice(1 + exponentBits)
  for (let i = 0; i < fraction.length; i++) if (fraction[i] === '1') sum += 2 ** -(i + 1)
  const scaled = sum * 2 ** (exponent === 0 ? 1 - bias : exponent - bias)
  return bits[0] === '1' ? -scaled : scaled
}

function valuesOf(bytes: Uint8Array, dtype: string, count: number) {
  const [width, read] = kinds[dtype]
  const values = Array.from({ length: count }, (_, i) => {
    const own = bytes.subarray((i * width) / 8, ((i + 1) * width) / 8)
    return read(
      [...own]
        .reverse()
        .map((byte) => byte.toString(2).padStart(8, '0'))
        .join(''),
    )
  })
  if (/^[UIB](?!F)/.test(dtype)) return { whole: true, values }
  // A finite number must not become infinite.
  for (const value of values) must(Number.isFinite(Math.fround(value)) || !Number.isFinite(value))
  return { whole: false, values: values.map(Math.fround) }
}

function read(file: Uint8Array) {
  // "8 bytes: N, an unsigned little-endian 64-bit integer, containing the size of the header"
  must(file.length >= 8)
  const size = file.subarray(0, 8).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
  must(size <= 100_000_000n && size <= BigInt(file.length - 8))
  const begin = 8 + Number(size)
  // "a JSON UTF-8 string", "MUST begin with a { character (0x7B)"
  must(file[8] === 0x7b && size > 0n)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, begin))
  } catch {
    throw new Refused()
  }
  const header = fieldsOf(jsonOf(text))
  // "A special key __metadata__ is allowed to contain free form string-to-string map."
  const given = header.get('__metadata__')
  const metadata = [...(given ? fieldsOf(given) : [])].map(([key, value]) => [key, stringOf(value)])
  header.delete('__metadata__')

  const values = file.subarray(begin)
  const owner = new Uint8Array(values.length)
  const tensors = [...header].map(([name, json]) => {
    const fields = fieldsOf(json)
    must(fields.size === 3)
    const dtype = stringOf(fields.get('dtype'))
    must(Object.hasOwn(kinds, dtype))
    const shape = naturalsOf(fields.get('shape'))
    must(shape.length <= 64)
    let count = 1n
    for (const length of shape) {
      count *= length
      must(count < 2n ** 53n)
    }
    const offsets = naturalsOf(fields.get('data_offsets'))
    must(offsets.length === 2)
    const [from, to] = offsets
    must(to - from === (count * BigInt(kinds[dtype][0])) / 8n && to <= BigInt(values.length))
    // "The byte buffer needs to be entirely indexed, and cannot contain holes", nor may two tensors share bytes.
    for (let i = Number(from); i < Number(to); i++) must(owner[i]++ === 0)
    return { name, dtype, shape: shape.map(Number), from: Number(from), to: Number(to) }
  })
  must(!owner.includes(0))
  // An empty tensor begins where another ends, or at the beginning.
  const ends = new Set([0, ...tensors.map(({ to }) => to)])
  for (const { from } of tensors) must(ends.has(from))
  return {
    tensors: Object.fromEntries(
      tensors.map(({ name, dtype, shape, from, to }) => {
        const count = shape.reduce((a, b) => a * b, 1)
        return [name, { ...valuesOf(values.subarray(from, to), dtype, count), shape }]
      }),
    ),
    metadata: Object.fromEntries(metadata),
  }
}

/** What a .safetensors file holds; undefined if it must be refused. */
export function literalSafetensors(file: Uint8Array): unknown {
  try {
    return read(file)
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}

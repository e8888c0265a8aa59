import { type Draw, extremes, type Mutation, replaced } from './mutations.js'

// Valid .safetensors files, and what can be changed in their headers.

/** Bits of a value by dtype. */
const bits: Readonly<Record<string, number>> = {
  ...{ BOOL: 8, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8 },
  ...{ I16: 16, U16: 16, F16: 16, BF16: 16, I32: 32, U32: 32, F32: 32, I64: 64, U64: 64, F64: 64 },
  ...{ C64: 64, F4: 4, F6_E2M3: 6, F6_E3M2: 6 },
}

type Entry = [name: string, dtype: string, shape: number[]]

/** A file with a header as text, and values. */
export function fileOf(header: string, values: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(header)
  const file = new Uint8Array(8 + json.length + values.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true)
  file.set(json, 8)
  file.set(values, 8 + json.length)
  return file
}

/** A header whose offsets fit, and how many bytes of values it describes. */
function describe(entries: readonly Entry[], metadata?: Record<string, string>): { header: string; bytes: number } {
  let bytes = 0
  const pairs = entries.map(([name, dtype, shape]) => {
    const begin = bytes
    bytes += (shape.reduce((a, b) => a * b, 1) * bits[dtype]) / 8
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, bytes] })}`
  })
  if (metadata) pairs.unshift(`"__metadata__":${JSON.stringify(metadata)}`)
  return { header: `{${pairs.join(',')}}`, bytes }
}

function seed(entries: readonly Entry[], metadata?: Record<string, string>): Uint8Array {
  const { header, bytes } = describe(entries, metadata)
  // Small numbers in every byte keep 64-bit whole numbers rare that 32 bits cannot hold.
  return fileOf(
    header.padEnd(Math.ceil(header.length / 8) * 8),
    new Uint8Array(bytes).map((_, i) => (i % 8 ? 0 : i)),
  )
}

/** From the widest to the narrowest. */
const readable = Object.keys(bits)
  .filter((dtype) => !/^(C64|F4|F6.*)$/.test(dtype))
  .sort((a, b) => bits[b] - bits[a])

export const safetensorsSeeds: readonly Uint8Array[] = [
  seed([]),
  seed(
    [
      ['weight', 'F32', [2, 3]],
      ['bias', 'F32', [2]],
    ],
    { format: 'pt' },
  ),
  seed([
    ['scalar', 'F64', []],
    ['empty', 'F32', [0]],
    ['none', 'I64', [3, 0, 2]],
    ['one', 'U8', [1, 1, 1]],
  ]),
  ...readable.map((dtype) =>
    seed(
      [
        ['first', dtype, [3]],
        ['second', dtype, [2, 1]],
      ],
      { dtype },
    ),
  ),
  seed(readable.map((dtype) => [dtype, dtype, [1]])),
  seed(
    [
      ['__proto__', 'BF16', [2]],
      ['constructor', 'F16', [1]],
      ['ключ "\\\n', 'I8', [4]],
    ],
    { __proto__: 'x', é: '' },
  ),
]

const headerOf = (file: Uint8Array): { header: string; values: Uint8Array } | undefined => {
  if (file.length < 8) return undefined
  const end = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  return end <= file.length
    ? { header: new TextDecoder().decode(file.subarray(8, end)), values: file.subarray(end) }
    : undefined
}

/** A change of the header's text. The claimed length follows. */
const inHeader =
  (change: (header: string, draw: Draw) => string): Mutation =>
  (file, draw) => {
    const parts = headerOf(file)
    return parts ? fileOf(change(parts.header, draw), parts.values) : file
  }

/** Changes what a pattern finds at one place of the header. */
const at = (pattern: RegExp, change: (found: string, draw: Draw) => string): Mutation =>
  inHeader((header, draw) => {
    const places = [...header.matchAll(pattern)]
    if (places.length === 0) return header
    const { index, 0: found } = draw.pick(places)
    return header.slice(0, index) + change(found, draw) + header.slice(index + found.length)
  })

const ENTRY = /"[^"]*":\{[^{}]*\}/g
const dtypeNames = [...Object.keys(bits), 'f32', 'F128', '', 'constructor', 'F32\u0000', '__proto__']
const names = ['', '__proto__', 'constructor', '__metadata__', 'weight', '\\ud800', '\\u0077eight', 'n'.repeat(300)]

export const safetensorsMutations: readonly Mutation[] = [
  at(/\d+/g, (_, { pick }) => pick(extremes)),
  at(/\d+/g, (found, { below }) => String(Number(found) + below(5) - 2)),
  at(/"dtype":"[^"]*"/g, (_, { pick }) => `"dtype":"${pick(dtypeNames)}"`),
  at(/"shape":\[[^\]]*\]/g, (_, { pick }) =>
    pick([
      '"shape":[]',
      '"shape":[0]',
      '"shape":[1,1]',
      `"shape":[${'1,'.repeat(70)}1]`,
      '"shape":null',
      '"shape":"2"',
    ]),
  ),
  at(/"(shape|dtype|data_offsets)":/g, (found, { pick }) =>
    pick(['', `${found}null,${found}`, '"more":[{}],', '"Shape":', '"\\u0073hape":', '"__proto__":']),
  ),
  // An entry again, elsewhere, or with a key that is the same only when its escapes are read.
  at(ENTRY, (found, { pick }) =>
    pick([
      `${found},${found}`,
      '',
      found.replace(/^"(.)/, (_, c) => `"\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
    ]),
  ),
  inHeader((header, { pick }) => {
    const entries = header.match(ENTRY) ?? []
    return `{${[...entries, ...(entries.length ? [pick(entries)] : [])].reverse().join(',')}}`
  }),
  inHeader((header) => `{${(header.match(ENTRY) ?? []).reverse().join(', ')}}`),
  at(/"[^"]*":\{/g, (_, { pick }) => `"${pick(names)}":{`),
  at(/:"[^"]*"/g, (_, { pick }) => pick([':1', ':null', ':{}', ':"\\ud83d\\ude00"', ':"\\udc00"', ':"\t"', ':"\\x"'])),
  at(/[{}[\],:"]/g, (found, { pick }) => pick(['', `${found}${found}`, ` ${found}\n`, ',', '"'])),
  inHeader((header, { pick }) =>
    pick([` ${header}`, `${header} \t\r\n`, `${header}{}`, `${header}\u0000`, `\ufeff${header}`]),
  ),
  // Other tensors, with offsets that fit.
  (_, { below, pick }) => {
    const entries = Array.from({ length: below(4) }, (): Entry => {
      const shape = Array.from({ length: below(4) }, () => below(4))
      return [`${pick(['a', 'b.c', 'ü'])}${below(5)}`, pick(Object.keys(bits)), shape]
    })
    const { header, bytes } = describe(entries, below(2) ? { [pick(names)]: '' } : undefined)
    return fileOf(
      header,
      Uint8Array.from({ length: Math.floor(bytes) }, () => below(256)),
    )
  },
  // Other values.
  (file, { below, pick }) => {
    const values = headerOf(file)?.values.length ?? 0
    const begin = file.length - values
    const special = pick([0x00, 0x7f, 0x80, 0xff, 0x7c, 0xfc, 0xf0, 0x01])
    const from = begin + below(values + 1)
    const to = Math.min(file.length, from + below(9))
    return replaced(file, from, to, new Uint8Array(to - from).fill(special))
  },
]

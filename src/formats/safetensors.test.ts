import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DataError, FormatError, OptionError } from '../core/errors.js'
import { fromData, tensor } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'
import { decodeSafetensors, encodeSafetensors, openSafetensors, readSafetensors } from './safetensors.js'

/** A file with any header and a number of bytes of values. */
function forge(header: unknown, values = 8, claimed?: number | bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const file = new Uint8Array(8 + json.length + values)
  new DataView(file.buffer).setBigUint64(0, BigInt(claimed ?? json.length), true)
  file.set(json, 8)
  return file
}

/** The error by which a file is refused. */
function refusal(file: Uint8Array): FormatError {
  try {
    decodeSafetensors(file, 'model')
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
  throw new Error('the file was read')
}

/** The description of 8 bytes. */
const one = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'

const entry = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({ dtype, shape, data_offsets: offsets })

describe('safetensors', () => {
  test('written tensors are read back', async () => {
    const tensors = {
      a: tensor([
        [1, 2],
        [3, 4],
      ]),
      'b.c': tensor(7),
      n: tensor([5, -6], { dtype: 'int32' }),
      none: tensor([]),
    }
    const { tensors: read, metadata } = decodeSafetensors(encodeSafetensors(tensors, { format: 'pt' }))
    expect(metadata).toEqual({ format: 'pt' })
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      expect(read[name].shape).toEqual(shape)
      expect(read[name].data).toEqual(data)
    }
  })

  test('a tensor that is read in several parts has each value in its place', async () => {
    const length = 2 ** 24 + 3
    const values = new Float32Array(length).map((_, i) => i)
    const bytes = encodeSafetensors({ first: tensor([9]), long: fromData(values, [length]) })
    const longest: number[] = []
    const read = async (offset: number, count: number) => {
      longest.push(count)
      return bytes.subarray(offset, offset + count)
    }
    for (const { tensors } of [decodeSafetensors(bytes), await readSafetensors({ size: bytes.length, read })]) {
      expect(Buffer.from(tensors.long.data.buffer).equals(Buffer.from(values.buffer))).toBe(true)
      expect(tensors.first.data).toEqual(Float32Array.of(9))
    }
    expect(Math.max(...longest)).toBeLessThan(4 * length)
  })

  test('reads a file that Python wrote', () => {
    const file = readFileSync('test/fixtures/curve_gru_v11_h16_b4_t7_l1.safetensors')
    const { tensors, metadata } = decodeSafetensors(file)
    expect(metadata.kind).toBe('gru')
    expect(tensors['param.rnn.weight_ih_l0'].shape).toEqual([48, 11])
    expect(tensors['tokens.x'].data).toBeInstanceOf(Int32Array)
    expect(tensors['tokens.x'].data.every((token) => token >= 0 && token < 11)).toBe(true)
  })

  test('refuses arrays of other kinds, whose bytes would be misread', () => {
    const bytes = { shape: [4], data: Uint8Array.of(1, 2, 3, 4) } as unknown as Tensor
    expect(() => encodeSafetensors({ bytes })).toThrow('encodeSafetensors: bytes is a Uint8Array, expected floats or')
  })

  test('values begin at a multiple of 8, as the format requires', () => {
    for (let length = 1; length <= 16; length++) {
      const file = encodeSafetensors({ ['n'.repeat(length)]: tensor([1]) })
      expect(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8).toBe(0)
    }
  })

  test('the header may name tensors in another order than that of their values', () => {
    const file = forge({ second: entry([1], [4, 8]), first: entry([1], [0, 4]) })
    const view = new DataView(file.buffer, file.length - 8)
    view.setFloat32(0, 1.5, true)
    view.setFloat32(4, -2, true)
    const { tensors } = decodeSafetensors(file)
    expect([...tensors.first.data, ...tensors.second.data]).toEqual([1.5, -2])
  })

  test('floats of 8 and 16 bits become those that PyTorch converts them to', () => {
    const { tensors } = decodeSafetensors(readFileSync('test/fixtures/safetensors_floats.safetensors'))
    const kinds = Object.keys(tensors).flatMap((name) => (name.startsWith('values.') ? name.slice(7) : []))
    expect(kinds).toHaveLength(7)
    for (const kind of kinds) {
      const [read, expected] = [tensors[`values.${kind}`].data, tensors[`float32.${kind}`].data]
      expect([...read], kind).toEqual([...expected])
      expect(new Set(read).size, kind).toBeGreaterThan(200)
    }
  })

  test('every other dtype that its Python package writes is read, and names of any kind', () => {
    const file = readFileSync('test/fixtures/safetensors_others.safetensors')
    const { tensors, metadata } = decodeSafetensors(file)
    expect(metadata).toEqual({ format: 'pt', note: 'größe 中 \n' })
    const ends = { uint8: 255, int8: 127, uint16: 65535, int16: 32767 }
    for (const [kind, end] of Object.entries(ends)) {
      const begin = kind.startsWith('u') ? 0 : -end - 1
      expect(tensors[kind].data, kind).toEqual(Int32Array.of(begin, 0, 1, end))
    }
    for (const kind of ['uint32', 'int32', 'uint64', 'int64']) {
      const begin = kind.startsWith('u') ? 0 : -(2 ** 31)
      expect(tensors[kind].data, kind).toEqual(Int32Array.of(begin, 0, 1, 2 ** 31 - 1))
    }
    expect(tensors.bool).toEqual({ data: Int32Array.of(1, 0, 0, 1), shape: [2, 2] })
    expect(tensors.scalar).toEqual({ data: Int32Array.of(7), shape: [] })
    expect(tensors.empty).toEqual({ data: new Float32Array(0), shape: [3, 0, 2] })
    expect(tensors.float64.data).toEqual(Float32Array.of(0.1, -2.5, 1e-40, Infinity, Number.NaN))
    expect(tensors.float32.data).toEqual(Float32Array.of(0.1, -0, 1e-45, -Infinity, Number.NaN))
    expect(tensors['größe 中 \n'].data).toEqual(Float32Array.of(1))
    expect(Object.hasOwn(tensors, '__proto__') && Reflect.get(tensors, '__proto__')).toEqual({
      data: Float32Array.of(2),
      shape: [1],
    })
  })

  test('a tensor whose values tensors cannot have is refused by its name, and the others of its file are read', async () => {
    const bytes = readFileSync('test/fixtures/safetensors_refused.safetensors')
    const file = await openSafetensors(bytes, 'model')
    expect((await file.read('fine')).data).toEqual(Float32Array.of(1.5))
    const problems = {
      complex: 'model: complex has the dtype C64, expected one that tensors can have: U64, I64, F64, F32',
      packed: 'model: packed has the dtype F4, expected one that tensors can have: ',
      large: 'model: large holds 2147483648, expected whole numbers of 32 bits',
      unsigned: 'model: unsigned holds 18446744073709552000, expected whole numbers of 32 bits',
      beyond: 'model: beyond holds 1e+300, expected numbers that 32-bit floats can hold',
    }
    expect([...file.tensors.keys()].sort()).toEqual([...Object.keys(problems), 'fine'].sort())
    for (const [name, problem] of Object.entries(problems)) {
      await expect(file.read(name)).rejects.toThrow(FormatError)
      await expect(file.read(name)).rejects.toThrow(problem)
    }
    expect(() => decodeSafetensors(bytes)).toThrow(FormatError)
    await expect(
      readSafetensors({ size: bytes.length, read: async (at, n) => bytes.subarray(at, at + n) }),
    ).rejects.toThrow(FormatError)
  })

  test('the header of an open file says what its tensors are; a file that ends early is refused', async () => {
    const bytes = encodeSafetensors({ a: tensor([[1, 2, 3]]), b: tensor([4], { dtype: 'int32' }) }, { format: 'pt' })
    const { tensors, metadata } = await openSafetensors(bytes)
    expect([...tensors]).toEqual([
      ['a', { dtype: 'F32', shape: [1, 3], dataOffsets: [0, 12] }],
      ['b', { dtype: 'I32', shape: [1], dataOffsets: [12, 16] }],
    ])
    expect(metadata).toEqual({ format: 'pt' })
    const cut = {
      size: bytes.length,
      read: async (at: number, n: number) => bytes.subarray(0, -1).subarray(at, at + n),
    }
    const file = await openSafetensors(cut)
    await expect(file.read('b')).rejects.toThrow('the file may have changed while it was read')
    await expect(openSafetensors('model.safetensors' as never)).rejects.toThrow(OptionError)
  })

  test.each([
    ['no bytes', new Uint8Array(0)],
    ['a header of exabytes', forge({}, 8, 2n ** 63n - 1n)],
    ['a header of gigabytes', forge({}, 8, 3e9)],
    ['a header longer than the file', forge({}, 8, 11)],
    ['no JSON', forge('{"a":')],
    ['a list', forge([])],
    ['null', forge('null')],
    ['metadata that is a list', forge({ __metadata__: [] }, 0)],
    ['an entry that is null', forge({ a: null })],
    ['an unknown dtype', forge({ a: entry([2], [0, 8], 'F31') })],
    ['a dtype of the object’s', forge({ a: entry([2], [0, 8], 'constructor') })],
    ['a negative size', forge({ a: entry([-2], [0, 8]) })],
    ['a fraction', forge({ a: entry([1.5], [0, 6]) })],
    ['sizes beyond all numbers', forge({ a: entry([2 ** 52, 2 ** 52], [0, 8]) })],
    ['a shape that does not fit its bytes', forge({ a: entry([3], [0, 8]) })],
    ['offsets out of range', forge({ a: entry([4], [0, 16]) })],
    ['offsets backwards', forge({ a: entry([2], [8, 0]) })],
    ['a hole', forge({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12)],
    ['an overlap', forge({ a: entry([2], [0, 8]), b: entry([1], [4, 8]) })],
    ['bytes of nobody', forge({ a: entry([1], [0, 4]) })],
    ['an empty tensor inside another', forge({ a: entry([2], [0, 8]), b: entry([0], [4, 4]) })],
    ['half a byte', forge({ a: entry([3], [0, 1.5], 'F4') })],
    ['sizes beyond all numbers, times 0', forge({ a: entry([2 ** 52, 2 ** 52, 0], [0, 0]) }, 0)],
    ['a whole number with a point', forge(`{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}`)],
    ['minus zero', forge(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[-0,8]}}`)],
    ['a tensor twice', forge(`{"a":${one},"a":${one}}`)],
    ['a tensor twice, once with an escape', forge(`{"a":${one},"\\u0061":${one}}`)],
    ['a field twice', forge(`{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`)],
    ['metadata twice', forge(`{"__metadata__":{},"a":${one},"__metadata__":{}}`)],
    ['a key of the metadata twice', forge(`{"__metadata__":{"k":"1","k":"2"},"a":${one}}`)],
    ['metadata that is no string', forge(`{"__metadata__":{"k":1},"a":${one}}`)],
    ['another field', forge(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"offset":0}}`)],
    ['a missing field', forge(`{"a":{"dtype":"F32","shape":[2]}}`)],
    ['three offsets', forge({ a: entry([2], [0, 8, 8]) })],
    ['more axes than tensors have', forge({ a: entry(Array(65).fill(1), [0, 4]) }, 4)],
    ['space before the header', forge(` {"a":${one}}`)],
    ['a byte order mark', forge(`\ufeff{"a":${one}}`)],
    ['something after the header', forge(`{"a":${one}}{}`)],
    ['no header', forge('')],
    ['half a surrogate pair', forge(`{"\\ud800":${one}}`)],
    ['bytes that are not UTF-8', forge(`{"é":${one}}`).map((byte) => (byte === 0xc3 ? 0xff : byte))],
  ])('%s: a FormatError', (_name, file) => {
    expect(refusal(file).message).toMatch(/^model: /)
  })

  test('any cut and any changed byte gives a FormatError or tensors, nothing else', () => {
    const good = encodeSafetensors({ a: tensor([[1, 2, 3]]), b: tensor([4]) })
    const change = fc.record({
      at: fc.nat(good.length - 1),
      to: fc.nat(255),
      end: fc.integer({ min: 0, max: good.length }),
    })
    fc.assert(
      fc.property(change, ({ at, to, end }) => {
        const file = good.slice()
        file[at] = to
        try {
          decodeSafetensors(file.subarray(0, end))
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('the header may end in spaces, have any length, and name things like the properties of objects', () => {
    const file = forge(`{"__metadata__":{"__proto__":"x","constructor":"y"},"constructor":${one}}   `)
    const { tensors, metadata } = decodeSafetensors(file)
    expect(Object.entries(metadata)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    expect(Object.keys(tensors)).toEqual(['constructor'])
    expect((file.length - 8) % 8).not.toBe(0)
  })

  test('messages have no control characters of names, and long names are cut', () => {
    const message = (name: string) => refusal(forge({ [name]: null })).message
    expect(message('a\x1b[2J\n\u202e')).toContain('a\\u001b[2J\\u000a\\u202e: ')
    expect(message('n'.repeat(1e6)).length).toBeLessThan(20_000)
  })

  test.each([
    ['metadata', 5_000_000, (i: number) => `${i ? '' : '"__metadata__":{'}"${i}":"",`],
    ['objects', 1_000_000, (i: number) => (i ? '{},' : '"a":[')],
    ['axes', 1_000_000, (i: number) => (i ? '1,' : '"a":{"shape":[')],
    ['digits', 1_000_000, (i: number) => (i ? '1' : '"a":{"shape":[')],
  ])('a header of %s beyond number is refused before it is all read', (_name, length, part) => {
    const parts = ['{']
    for (let i = 0, total = 0; total < length; i++) total += parts[parts.push(part(i)) - 1].length
    const file = forge(parts.join(''), 0)
    const before = process.memoryUsage().heapUsed
    expect(refusal(file).message).toMatch(/ has more than \d+ items$| comes at \d+, expected /)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(400e6)
  })
})

describe('what is written', () => {
  test('is aligned: the widest values come first, whatever the order of names, which is kept', () => {
    const tensors = {
      narrow: { data: Int32Array.of(1), shape: [1] },
      wide: { data: Float64Array.of(0.5, 2), shape: [2] },
    }
    const file = encodeSafetensors(tensors)
    const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true))
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start)))
    expect(start % 8).toBe(0)
    expect(header.wide.data_offsets).toEqual([0, 16])
    expect(header.narrow.data_offsets).toEqual([16, 20])
    const { tensors: read } = decodeSafetensors(file)
    expect(Object.keys(read)).toEqual(['narrow', 'wide'])
    expect([...read.narrow.data, ...read.wide.data]).toEqual([1, 0.5, 2])
  })

  test('has names and metadata of any kind, but of whole characters', () => {
    const name = '\u0000"\\\n é 中 😀'
    const tensors = Object.fromEntries([
      [name, tensor([1])],
      ['__proto__', tensor([2])],
      ['7', tensor([3])],
    ])
    const metadata = Object.fromEntries([
      [name, name],
      ['__proto__', ''],
    ])
    const read = decodeSafetensors(encodeSafetensors(tensors, metadata))
    expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata))
    expect(Object.entries(read.tensors).map(([key, { data }]) => [key, ...data])).toEqual([
      ['7', 3],
      [name, 1],
      ['__proto__', 2],
    ])
    expect(() => encodeSafetensors({ '\ud800': tensor([1]) })).toThrow(FormatError)
    expect(() => encodeSafetensors({}, { note: '\udc00' })).toThrow(FormatError)
    expect(() => encodeSafetensors({ __metadata__: tensor([1]) })).toThrow(FormatError)
  })

  test('has a header that can be read again, or is refused', () => {
    expect(() => encodeSafetensors({}, { text: 'x'.repeat(100_000_000) })).toThrow(DataError)
    const scalar = { data: Int32Array.of(1), shape: [] }
    const many = Object.fromEntries(Array.from({ length: 2 ** 18 }, (_, i) => [i, scalar]))
    expect(() => encodeSafetensors(many)).toThrow(DataError)
  })
})

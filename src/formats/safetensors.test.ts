import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FormatError } from '../core/errors.js'
import { fromData, tensor } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'
import { decodeSafetensors, encodeSafetensors, readSafetensors } from './safetensors.js'

/** A file with any header and a number of bytes of values. */
function forge(header: unknown, values = 8, claimed?: number | bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const file = new Uint8Array(8 + json.length + values)
  new DataView(file.buffer).setBigUint64(0, BigInt(claimed ?? json.length), true)
  file.set(json, 8)
  return file
}

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
    const values = Float32Array.from({ length }, (_, i) => i)
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

  test('64-bit whole numbers are read if they fit into 32 bits', () => {
    const file = forge({ n: entry([1], [0, 8], 'I64') })
    const view = new DataView(file.buffer, file.length - 8)
    view.setBigInt64(0, -(2n ** 31n), true)
    expect([...decodeSafetensors(file).tensors.n.data]).toEqual([-(2 ** 31)])
    view.setBigInt64(0, 2n ** 31n, true)
    expect(() => decodeSafetensors(file)).toThrow('n holds 2147483648, expected whole numbers of 32 bits')
  })

  test('float16 and bfloat16 become floats', async () => {
    // 1, −2, the smallest denormal and infinity in half precision; 1 and −2.5 as bfloat16.
    const file = forge({ h: entry([4], [0, 8], 'F16'), b: entry([2], [8, 12], 'BF16') }, 12)
    const view = new DataView(file.buffer)
    const at = file.length - 12
    for (const [i, bits] of [0x3c00, 0xc000, 0x0001, 0x7c00, 0x3f80, 0xc020].entries())
      view.setUint16(at + 2 * i, bits, true)
    const { tensors } = decodeSafetensors(file)
    expect([...tensors.h.data]).toEqual([1, -2, 2 ** -24, Infinity])
    expect([...tensors.b.data]).toEqual([1, -2.5])
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
  ])('%s: a FormatError', (_name, file) => {
    expect(() => decodeSafetensors(file, 'model')).toThrow(FormatError)
    expect(() => decodeSafetensors(file, 'model')).toThrow(/^model: /)
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

  test('a tensor named __proto__ is a tensor like any other', () => {
    const file = forge('{"__proto__":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}')
    expect(Object.keys(decodeSafetensors(file).tensors)).toEqual(['__proto__'])
  })
})

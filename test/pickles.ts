import { zipFiles } from '../src/formats/zip.js'

// Pickles written by hand, opcode by opcode, for tests of what reads them.

/** Bytes of text of one byte a character, and of numbers. */
export function bytesOf(...parts: readonly (string | number | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => {
      if (typeof part === 'number') return [part]
      return typeof part === 'string' ? [...part].map((character) => character.charCodeAt(0)) : [...part]
    }),
  )
}

const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer)

/** BINUNICODE */
export const text = (value: string) =>
  bytesOf('X', u32(new TextEncoder().encode(value).length), new TextEncoder().encode(value))

/** LONG1 of 8 bytes */
export const whole = (value: number) => bytesOf(0x8a, 8, new Uint8Array(BigInt64Array.of(BigInt(value)).buffer))

/** MARK … TUPLE */
export const tuple = (...parts: readonly (string | Uint8Array)[]) => bytesOf('(', ...parts, 't')

/** GLOBAL */
export const named = (module: string, name: string) => bytesOf('c', module, '\n', name, '\n')

/** A dictionary of one entry each. */
export const dictionary = (entries: Readonly<Record<string, Uint8Array>>) =>
  bytesOf('}(', ...Object.entries(entries).flatMap(([key, value]) => [text(key), value]), 'u')

/** A pickle of protocol 2. */
export const pickle = (...parts: readonly (string | number | Uint8Array)[]) => bytesOf(0x80, 2, ...parts, '.')

/** BINPERSID of a storage */
export const storage = ({ type = 'FloatStorage', key = '0', size = 4 } = {}) =>
  bytesOf(tuple(text('storage'), named('torch', type), text(key), text('cpu'), whole(size)), 'Q')

/** A tensor of 4 values, or as it is told. */
export function tensor({
  values = storage(),
  offset = whole(0),
  shape = [4] as readonly number[],
  strides = [1] as readonly number[],
} = {}): Uint8Array {
  const sizes = [shape, strides].map((list) => tuple(...list.map(whole)))
  const hooks = bytesOf(named('collections', 'OrderedDict'), ')R')
  return bytesOf(
    named('torch._utils', '_rebuild_tensor_v2'),
    tuple(values, offset, ...sizes, bytesOf(0x89), hooks),
    'R',
  )
}

/** A file of `torch.save` with this pickle, and one storage of 4 floats. */
export function torchFile(content: Uint8Array, more: Readonly<Record<string, Uint8Array>> = {}): Uint8Array {
  const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)
  return zipFiles({ 'archive/data.pkl': content, 'archive/data/0': data, ...more })
}

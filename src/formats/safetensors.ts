import { FormatError } from '../core/errors.js'
import { type Shape, sizeOf } from '../core/shape.js'
import type { TensorData } from '../tensor/arrays.js'
import { arrayFor, dtypes, readValues } from './dtypes.js'
import { type ByteSource, readExactly } from './source.js'

/** The format's own limit on its header. */
const MAX_HEADER = 100_000_000

/** The dtypes of the arrays that tensors are made of. */
const written = new Map<string, string>([
  ['Float32Array', 'F32'],
  ['Float64Array', 'F64'],
  ['Int32Array', 'I32'],
])

type Fail = (problem: string) => never

/** The values of a tensor, as files hold them. A tensor in main memory has this form, too. */
export interface TensorValues {
  readonly data: TensorData
  readonly shape: Shape
}

export interface Safetensors {
  tensors: Record<string, TensorValues>
  metadata: Record<string, string>
}

/** Tensors by name as the bytes of a .safetensors file: 8 bytes of header length, the header as JSON, the values. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, TensorValues>>,
  metadata: Record<string, string> = {},
): Uint8Array {
  let end = 0
  const header: [string, unknown][] = [['__metadata__', metadata]]
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    if (name === '__metadata__') throw new FormatError('encodeSafetensors: a tensor cannot have the name __metadata__')
    const dtype = written.get(data[Symbol.toStringTag])
    if (!dtype)
      throw new FormatError(`encodeSafetensors: ${name} is a ${data[Symbol.toStringTag]}, expected floats or int32`)
    header.push([name, { dtype, shape, data_offsets: [end, end + data.byteLength] }])
    end += data.byteLength
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)))
  // Values begin at a multiple of 8, as the format requires; spaces may follow the JSON.
  const length = Math.ceil(json.length / 8) * 8
  const file = new Uint8Array(8 + length + end).fill(32, 8, 8 + length)
  const view = new DataView(file.buffer)
  view.setBigUint64(0, BigInt(length), true)
  file.set(json, 8)
  let at = 8 + length
  for (const { data } of Object.values(tensors)) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return file
}

/** Bytes of a tensor that are read at a time: a whole number of values of every dtype. */
const PART = 2 ** 26

/** Reads a file: yields an offset and a length, and is sent the bytes there. */
type Reading = Generator<{ offset: number; length: number }, Safetensors, Uint8Array>

/**
 * Reads the tensors in the bytes of a .safetensors file. The header is checked before anything in it is used.
 * @param where the file's name, for messages
 * @throws FormatError for a truncated or forged file
 */
export function decodeSafetensors(file: Uint8Array, where = 'safetensors'): Safetensors {
  const reading = walk(file.length, where)
  let next = reading.next()
  while (!next.done) {
    const { offset, length } = next.value
    next = reading.next(file.subarray(offset, offset + length))
  }
  return next.value
}

/**
 * `decodeSafetensors` for a file of any size, which is read part by part.
 * @param where the file's name, for messages
 * @throws FormatError for a truncated or forged file
 */
export async function readSafetensors(file: ByteSource, where = 'safetensors'): Promise<Safetensors> {
  const reading = walk(file.size, where)
  let next = reading.next()
  while (!next.done) {
    const { offset, length } = next.value
    next = reading.next(await readExactly(file, offset, length, where))
  }
  return next.value
}

function* walk(size: number, where: string): Reading {
  const fail: Fail = (problem) => {
    throw new FormatError(`${where}: ${problem}`)
  }
  if (size < 8) fail(`the file has ${size} bytes, expected at least 8`)
  const length = Number(viewOf(yield { offset: 0, length: 8 }).getBigUint64(0, true))
  if (length > MAX_HEADER || length > size - 8) {
    fail(
      `the header claims ${length} bytes, expected at most ${Math.min(MAX_HEADER, size - 8)}; the file is truncated or not a safetensors file`,
    )
  }
  const start = 8 + length
  const { entries, metadata } = checkHeader(yield { offset: 8, length }, size - start, fail)
  const tensors: [string, TensorValues][] = []
  for (const { name, dtype, shape, from, to } of entries) {
    const what = `${where}: ${name}`
    const type = dtypes.get(dtype)!
    const data = arrayFor(type, sizeOf(shape), what)
    for (let at = from; at < to; at += PART) {
      const bytes = yield { offset: start + at, length: Math.min(PART, to - at) }
      readValues(type, bytes, data, (8 * (at - from)) / type.bits, what)
    }
    tensors.push([name, { data, shape }])
  }
  return { tensors: Object.fromEntries(tensors), metadata }
}

/** Checks a header; returns the descriptions of its tensors, in the order of their values. */
function checkHeader(json: Uint8Array, bytes: number, fail: Fail) {
  const header = parseHeader(json) ?? fail('the header is not a JSON object')
  const metadata: Record<string, string> = {}
  if (Object.hasOwn(header, '__metadata__')) {
    const given = header.__metadata__
    if (!isRecord(given)) return fail('__metadata__ is not an object')
    for (const [key, value] of Object.entries(given)) {
      if (typeof value !== 'string') return fail('__metadata__ holds values that are not strings')
      metadata[key] = value
    }
  }
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => ({ name, ...checkEntry(name, entry, fail) }))
    .sort((a, b) => a.from - b.from || a.to - b.to)
  let end = 0
  for (const { name, from, to } of entries) {
    if (from !== end) fail(`${name} begins at ${from}, expected ${end}: values must neither overlap nor leave holes`)
    if (to > bytes) fail(`${name} ends at ${to}, but the file has ${bytes} bytes of values`)
    end = to
  }
  if (end !== bytes) fail(`${bytes - end} bytes at the end do not belong to any tensor`)
  return { entries, metadata }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parseHeader(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return isRecord(header) ? header : undefined
  } catch {
    return undefined
  }
}

function checkEntry(name: string, entry: unknown, fail: Fail) {
  if (!isRecord(entry)) return fail(`${name} is not described by an object`)
  const { dtype, shape, data_offsets: offsets } = entry
  const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
  if (typeof dtype !== 'string' || !dtypes.get(dtype)?.read) {
    const given = typeof dtype === 'string' ? `the dtype ${dtype}` : 'no dtype'
    return fail(`${name} has ${given}, expected one of ${[...dtypes.keys()].join(', ')}`)
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    return fail(`${name} has a shape that is not an array of whole numbers`)
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return fail(`${name} has data_offsets that are not two whole numbers`)
  }
  const [from, to] = offsets as [number, number]
  const bytes = (sizeOf(shape) * dtypes.get(dtype)!.bits) / 8
  if (to - from !== bytes) {
    return fail(`${name} has ${to - from} bytes, expected ${bytes} for ${dtype} of the shape [${shape.join(', ')}]`)
  }
  return { dtype, shape: shape as number[], from, to }
}

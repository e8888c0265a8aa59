import { checkArgument } from '../core/check.js'
import { DataError, FormatError, OptionError } from '../core/errors.js'
import { type Shape, sizeOf } from '../core/shape.js'
import type { TensorData } from '../tensor/arrays.js'
import { arrayFor, dtypes, readValues } from './dtypes.js'
import {
  type Fail,
  MAX_HEADER,
  METADATA,
  MOST_NAMES,
  parseHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from './safetensors-header.js'
import { type ByteSource, readExactly, sourceOf } from './source.js'

/** The values of a tensor, as files hold them. A tensor in main memory has this form, too. */
export interface TensorValues {
  readonly data: TensorData
  readonly shape: Shape
}

export interface Safetensors {
  tensors: Record<string, TensorValues>
  metadata: Record<string, string>
}

/**
 * Tensors by name as the bytes of a .safetensors file: 8 bytes of header length, the header as JSON, the values. The
 * widest values come first, so that all are aligned.
 * @throws FormatError for values of other kinds, and for names or metadata that are not Unicode; DataError for more of
 *   them than can be read again
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, TensorValues>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = Object.entries(tensors)
  if (entries.length >= MOST_NAMES) {
    throw new DataError(`encodeSafetensors: there are ${entries.length} tensors, expected fewer than ${MOST_NAMES}`)
  }
  const texts = [...Object.keys(tensors), ...Object.entries(metadata).flat()]
  const broken = texts.find((text) => /\p{Surrogate}/u.test(text))
  if (broken !== undefined)
    throw new FormatError(`encodeSafetensors: ${broken} is not Unicode, expected whole characters`)

  const widestFirst = [...entries].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT)
  const offsets = new Map<string, [begin: number, end: number]>()
  let size = 0
  for (const [name, { data }] of widestFirst) {
    offsets.set(name, [size, size + data.byteLength])
    size += data.byteLength
  }
  const header = entries.map(([name, { data, shape }]) => {
    if (name === METADATA) throw new FormatError(`encodeSafetensors: a tensor cannot have the name ${METADATA}`)
    const kind = data[Symbol.toStringTag]
    const dtype = [...dtypes].find(([, { array }]) => array === kind)?.[0]
    if (!dtype) throw new FormatError(`encodeSafetensors: ${name} is a ${kind}, expected floats or int32`)
    return [name, { dtype, shape, data_offsets: offsets.get(name) }]
  })
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries([[METADATA, metadata], ...header])))
  // Values begin at a multiple of 8, as the format's own writers have it; spaces may follow the JSON.
  const start = 8 + Math.ceil(json.length / 8) * 8
  if (start - 8 > MAX_HEADER) {
    throw new DataError(
      `encodeSafetensors: the names and the metadata take ${start - 8} bytes, expected at most ${MAX_HEADER}; the file could not be read again`,
    )
  }
  const file = new Uint8Array(start + size).fill(0x20, 8, start)
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true)
  file.set(json, 8)
  for (const [name, { data }] of entries) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start + offsets.get(name)![0])
  }
  return file
}

/**
 * Reads the tensors in the bytes of a .safetensors file. The header is checked before anything in it is used.
 * @param where the file's name, for messages
 * @throws FormatError for a truncated or forged file, or for values that tensors cannot have
 */
export function decodeSafetensors(file: Uint8Array, where = 'safetensors'): Safetensors {
  const fail = failing(where)
  const start = startOfValues(file.subarray(0, 8), file.length, fail)
  const { tensors, metadata } = parseHeader(file.subarray(8, start), file.length - start, fail)
  const read = Array.from(tensors, ([name, entry]): [string, TensorValues] => {
    const { type, data, what } = emptyFor(name, entry, where)
    const [begin, end] = entry.dataOffsets
    readValues(type, file.subarray(start + begin, start + end), data, 0, what)
    return [name, { data, shape: entry.shape }]
  })
  return { tensors: Object.fromEntries(read), metadata }
}

/**
 * `decodeSafetensors` for a file of any size, which is read part by part.
 * @param where the file's name, for messages
 * @throws FormatError for a truncated or forged file, or for values that tensors cannot have
 */
export async function readSafetensors(source: ByteSource, where = 'safetensors'): Promise<Safetensors> {
  const file = await openSafetensors(source, where)
  const tensors: [string, TensorValues][] = []
  for (const name of file.tensors.keys()) tensors.push([name, await file.read(name)])
  return { tensors: Object.fromEntries(tensors), metadata: file.metadata }
}

/** A .safetensors file whose header was read and checked. */
export interface SafetensorsFile extends SafetensorsHeader {
  /**
   * Reads the values of one tensor, and nothing else.
   * @throws OptionError for a name that is not in `tensors`; FormatError for values that tensors cannot have, or if the
   *   file changed
   */
  read(name: string): Promise<TensorValues>
}

/** Bytes of a tensor that are read at a time: a whole number of values of every dtype. */
const PART = 2 ** 26

/**
 * Reads the header of a .safetensors file of any size, to read single tensors of it.
 * @param source its bytes, or what reads them part by part
 * @param where the file's name, for messages
 * @throws FormatError for a truncated or forged file
 */
export async function openSafetensors(
  source: Uint8Array | ByteSource,
  where = 'openSafetensors',
): Promise<SafetensorsFile> {
  const file = source instanceof Uint8Array ? sourceOf(source) : source
  const fits = typeof file?.read === 'function' && Number.isSafeInteger(file.size)
  checkArgument(
    'openSafetensors',
    'the file',
    source,
    fits,
    'its bytes, or { size, read } that reads them part by part',
  )
  const fail = failing(where)
  const start = startOfValues(await readExactly(file, 0, Math.min(8, file.size), where), file.size, fail)
  const header = parseHeader(await readExactly(file, 8, start - 8, where), file.size - start, fail)
  const read = async (name: string): Promise<TensorValues> => {
    const entry = header.tensors.get(name)
    if (!entry) throw new OptionError(`${where}: there is no tensor ${name}, expected a name in its header`)
    const { type, data, what } = emptyFor(name, entry, where)
    const [begin, end] = entry.dataOffsets
    for (let at = begin; at < end; at += PART) {
      const bytes = await readExactly(file, start + at, Math.min(PART, end - at), where)
      readValues(type, bytes, data, (8 * (at - begin)) / type.bits, what)
    }
    return { data, shape: entry.shape }
  }
  return { ...header, read }
}

const failing =
  (where: string): Fail =>
  (problem) => {
    throw new FormatError(`${where}: ${problem}`)
  }

/** Where the values of a file begin, by its first 8 bytes. */
function startOfValues(head: Uint8Array, size: number, fail: Fail): number {
  if (size < 8) fail(`the file has ${size} bytes, expected at least 8`)
  const length = Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true))
  const most = Math.min(MAX_HEADER, size - 8)
  if (length <= most) return 8 + length
  return fail(
    `the header claims ${length} bytes, expected at most ${most}; the file is truncated or not a safetensors file`,
  )
}

/** The array for the values of a tensor. */
function emptyFor(name: string, { dtype, shape }: TensorEntry, where: string) {
  const what = `${where}: ${name}`
  const type = dtypes.get(dtype)!
  if (!type.read) {
    const readable = [...dtypes].flatMap(([one, { read }]) => (read ? one : []))
    throw new FormatError(`${what} has the dtype ${dtype}, expected one that tensors can have: ${readable.join(', ')}`)
  }
  return { type, what, data: arrayFor(type, sizeOf(shape), what) }
}

import { FormatError } from '../core/errors.js'
import { type ByteSource, readExactly, sourceOf } from './source.js'
import { inflateSync } from './zip-library.js'

/** A file in a zip. */
export interface ZipEntry {
  name: string
  /** Bytes of the file, and bytes that it takes in the zip. */
  size: number
  packed: number
  /** How it is packed: 0 is not at all, 8 is deflated. */
  method: number
  /** Where its own header begins. */
  header: number
}

/** The end of a zip: 22 bytes, and a comment of up to 65,535. */
const END = 22
/** The locator of the end of a zip that has more than 4 GB, before that end. */
const LOCATOR = 20
/** The most bytes of a list of files; each takes 46 and its name. */
const MOST_LIST = 2 ** 26
/** How many times its length, and how many bytes more, a file may have unpacked, so that a small zip fills no memory. */
const MOST_UNPACKED = { times: 16, more: 2 ** 24 }

/**
 * Lists the files of a zip of any size, which is read only in part.
 * @param where the zip's name, for messages
 * @throws FormatError for a damaged or forged one
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12 to 4.3.16 and 4.5.3
 */
export async function readZipEntries(source: ByteSource, where: string): Promise<ReadonlyMap<string, ZipEntry>> {
  const fail = (problem: string): never => {
    throw new FormatError(`${where}: the zip is damaged: ${problem}`)
  }
  const { at, length } = await findList(source, where, fail)
  if (length > MOST_LIST || length > source.size - at) fail(`its list of files claims ${length} bytes`)
  const list = await readExactly(source, at, length, where)
  const view = viewOf(list)
  const entries = new Map<string, ZipEntry>()
  let sum = 0
  for (let i = 0; i < list.length; ) {
    if (list.length - i < 46 || view.getUint32(i, true) !== 0x02014b50) fail('its list of files is cut off')
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => view.getUint16(i + offset, true))
    const next = i + 46 + nameLength + extraLength + commentLength
    if (next > list.length) fail('its list of files is cut off')
    const name = new TextDecoder().decode(list.subarray(i + 46, i + 46 + nameLength))
    if (view.getUint16(i + 8, true) & 1) throw new FormatError(`${where}: ${name} is encrypted, expected a plain zip`)
    const extra = list.subarray(i + 46 + nameLength, i + 46 + nameLength + extraLength)
    const [size, packed, header] = wide(
      [24, 20, 42].map((offset) => view.getUint32(i + offset, true)),
      extra,
    )
    if (entries.has(name)) fail(`it has ${name} twice`)
    entries.set(name, { name, size, packed, method: view.getUint16(i + 10, true), header })
    sum += packed
    i = next
  }
  // So no two files share their bytes, and a small zip cannot claim to unpack to any size.
  if (sum > source.size) fail(`its files claim ${sum} bytes of its ${source.size}`)
  return entries
}

/**
 * The bytes of a file in a zip: read from the zip part by part if it is not packed, and otherwise unpacked.
 * @throws FormatError for a damaged one, or one that is packed in another way
 */
export async function openZipEntry(source: ByteSource, entry: ZipEntry, where: string): Promise<ByteSource> {
  const { name, size, packed, method, header } = entry
  const fail = (problem: string): never => {
    throw new FormatError(`${where}: ${name} ${problem}`)
  }
  if (header > source.size - 30) fail('begins after the end of the zip')
  const view = viewOf(await readExactly(source, header, 30, where))
  const from = header + 30 + view.getUint16(26, true) + view.getUint16(28, true)
  if (view.getUint32(0, true) !== 0x04034b50 || packed > source.size - from) fail('is cut off, or begins elsewhere')
  if (method === 0) {
    if (size !== packed) fail(`has ${packed} bytes, expected ${size}`)
    return { size, read: (offset, length) => source.read(from + offset, Math.min(length, size - offset)) }
  }
  if (method !== 8) fail(`is packed in way ${method}, expected 0 (not at all) or 8 (deflated)`)
  const most = packed * MOST_UNPACKED.times + MOST_UNPACKED.more
  if (size > most) fail(`claims to unpack from ${packed} bytes to ${size}, expected at most ${most}`)
  // With a byte more than it claims to have, it shows if it has more.
  const bytes = inflated(await readExactly(source, from, packed, where), size + 1)
  return sourceOf(bytes?.length === size ? bytes : fail(`does not unpack to its ${size} bytes`))
}

function inflated(bytes: Uint8Array, most: number): Uint8Array | undefined {
  try {
    return inflateSync(bytes, { out: new Uint8Array(most) })
  } catch {
    return undefined
  }
}

/** Where the list of files begins, and its length. */
async function findList(source: ByteSource, where: string, fail: (problem: string) => never) {
  const start = Math.max(0, source.size - END - LOCATOR - 0xffff)
  const tail = await readExactly(source, start, source.size - start, where)
  const view = viewOf(tail)
  let end = tail.length - END
  const isEnd = () =>
    view.getUint32(end, true) === 0x06054b50 && view.getUint16(end + 20, true) === tail.length - end - END
  while (end >= 0 && !isEnd()) end--
  if (end < 0) return fail('it has no end; the file is truncated')
  if (end < LOCATOR || view.getUint32(end - LOCATOR, true) !== 0x07064b50) {
    return { at: view.getUint32(end + 16, true), length: view.getUint32(end + 12, true) }
  }
  const at = Number(view.getBigUint64(end - LOCATOR + 8, true))
  if (at > source.size - 56) return fail('its end is elsewhere')
  const wideEnd = viewOf(await readExactly(source, at, 56, where))
  if (wideEnd.getUint32(0, true) !== 0x06064b50) return fail('its end is elsewhere')
  return { at: Number(wideEnd.getBigUint64(48, true)), length: Number(wideEnd.getBigUint64(40, true)) }
}

/** Numbers of 32 bits; those that do not fit are in an extra field, in their order and with 64 bits. */
function wide(numbers: readonly number[], extra: Uint8Array): number[] {
  const view = viewOf(extra)
  let at = 0
  while (at + 4 <= extra.length && view.getUint16(at, true) !== 1) at += 4 + view.getUint16(at + 2, true)
  at += 4
  return numbers.map((number) => {
    if (number !== 0xffffffff || at + 8 > extra.length) return number
    at += 8
    return Number(view.getBigUint64(at - 8, true))
  })
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

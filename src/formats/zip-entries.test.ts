import { zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { FormatError } from '../core/errors.js'
import { type ByteSource, readExactly, sourceOf } from './source.js'
import { openZipEntry, readZipEntries } from './zip-entries.js'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytesOf = (content: string) => new TextEncoder().encode(content)

/** The contents of a zip by name. */
async function contents(source: ByteSource): Promise<Record<string, string>> {
  const result: Record<string, string> = {}
  for (const [name, entry] of await readZipEntries(source, 'x.zip')) {
    const file = await openZipEntry(source, entry, 'x.zip')
    result[name] = text(await readExactly(file, 0, file.size, name))
  }
  return result
}

const files = { 'a/one': bytesOf('eins'), zwölf: bytesOf('12'.repeat(1000)), empty: bytesOf('') }
const expected = { 'a/one': 'eins', zwölf: '12'.repeat(1000), empty: '' }

test.each([0, 9] as const)('files of a zip of level %i are read', async (level) => {
  expect(await contents(sourceOf(zipSync(files, { level })))).toEqual(expected)
})

test('a comment at the end, even one that looks like an end, is passed over', async () => {
  const plain = zipSync(files)
  const comment = bytesOf('PK\x05\x06 and more, as long as an end')
  const zip = new Uint8Array([...plain, ...comment])
  new DataView(zip.buffer).setUint16(plain.length - 2, comment.length, true)
  expect(await contents(sourceOf(zip))).toEqual(expected)
})

/** A zip of more than 4 GB by APPNOTE 4.3 and 4.5.3, of which only the parts with content exist. */
function large(at: number): ByteSource {
  const record = (...fields: [bytes: 2 | 4 | 8, value: number][]) => {
    const bytes = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0))
    const view = new DataView(bytes.buffer)
    let offset = 0
    for (const [width, value] of fields) {
      if (width === 2) view.setUint16(offset, value, true)
      if (width === 4) view.setUint32(offset, value, true)
      if (width === 8) view.setBigUint64(offset, BigInt(value), true)
      offset += width
    }
    return [...bytes]
  }
  const name = [...bytesOf('far')]
  const content = [...bytesOf('away')]
  const most = 0xffffffff
  const local = [
    ...record([4, 0x04034b50], [2, 45], [2, 0], [2, 0], [4, 0], [4, 0], [4, 4], [4, 4], [2, 3], [2, 0]),
    ...name,
  ]
  const list = [
    ...record([4, 0x02014b50], [2, 45], [2, 45], [2, 0], [2, 0], [4, 0], [4, 0], [4, 4], [4, 4], [2, 3]),
    ...record([2, 6 + 12], [2, 0], [2, 0], [2, 0], [4, 0], [4, most]),
    ...name,
    // A field of another kind, and the offset.
    ...record([2, 0x5455], [2, 2], [2, 7], [2, 1], [2, 8], [8, at]),
  ]
  const listAt = at + local.length + content.length
  const wideEnd = record(
    [4, 0x06064b50],
    [8, 44],
    [2, 45],
    [2, 45],
    [4, 0],
    [4, 0],
    [8, 1],
    [8, 1],
    [8, list.length],
    [8, listAt],
  )
  const locator = record([4, 0x07064b50], [4, 0], [8, listAt + list.length], [4, 1])
  const end = record([4, 0x06054b50], [2, 0], [2, 0], [2, 0xffff], [2, 0xffff], [4, most], [4, most], [2, 0])
  const tail = Uint8Array.from([...local, ...content, ...list, ...wideEnd, ...locator, ...end])
  return {
    size: at + tail.length,
    async read(offset, length) {
      const bytes = new Uint8Array(length)
      const from = Math.max(0, at - offset)
      bytes.set(tail.subarray(Math.max(0, offset - at), offset + length - at), Math.min(from, length))
      return bytes
    },
  }
}

test('a file that begins after 5 GB is read, without what is before it', async () => {
  expect(await contents(large(5e9))).toEqual({ far: 'away' })
})

/** A zip of one file, whose record in the list has another value at an offset. */
function forged(offset: number, value: number, width: 2 | 4, level: 0 | 9 = 0): Uint8Array {
  const zip = zipSync({ a: bytesOf('1'.repeat(1000)) }, { level })
  const view = new DataView(zip.buffer)
  const list = view.getUint32(zip.length - 6, true)
  if (width === 2) view.setUint16(list + offset, value, true)
  else view.setUint32(list + offset, value, true)
  return zip
}

test.each<[string, Uint8Array, RegExp]>([
  ['no end', bytesOf('PK\x03\x04 but no more'), /has no end; the file is truncated/],
  ['nothing', new Uint8Array(), /has no end/],
  ['an encrypted file', forged(8, 1, 2), /a is encrypted/],
  ['another way of packing', forged(10, 12, 2), /packed in way 12/],
  ['more bytes than the file has', forged(24, 2000, 4), /has 1000 bytes, expected 2000/],
  ['bytes that do not exist', forged(20, 2 ** 31, 4), /claim 2147483648 bytes/],
  ['a file that begins after the end', forged(42, 2 ** 31, 4), /begins after the end/],
  ['a file that begins elsewhere', forged(42, 1, 4), /begins elsewhere/],
  ['a list that goes on after its end', forged(28, 60_000, 2), /list of files is cut off/],
  [
    'a packed file that claims to be 4 GB',
    forged(24, 2 ** 32 - 2, 4, 9),
    /claims to unpack from \d+ bytes to 4294967294/,
  ],
  ['a packed file that is longer than it claims', forged(24, 999, 4, 9), /does not unpack to its 999 bytes/],
  ['a packed file that is shorter than it claims', forged(24, 1001, 4, 9), /does not unpack to its 1001 bytes/],
])('%s: refused with the reason', async (_name, zip, reason) => {
  const result = await contents(sourceOf(zip)).catch((error: unknown) => error)
  expect(result).toBeInstanceOf(FormatError)
  expect((result as Error).message).toMatch(reason)
})

test('files that share their bytes, as those of a zip bomb do, are refused, and so is a name twice', async () => {
  const zip = zipSync({ a: bytesOf('1'.repeat(1000)), b: bytesOf('2'.repeat(10)) }, { level: 0 })
  const view = new DataView(zip.buffer)
  const list = view.getUint32(zip.length - 6, true)
  const second = list + 46 + 1
  for (const at of [20, 24]) view.setUint32(second + at, 1000, true)
  await expect(readZipEntries(sourceOf(zip), 'x.zip')).rejects.toThrow(/its files claim 2000 bytes/)
  zip[second + 46] = 0x61
  await expect(readZipEntries(sourceOf(zip), 'x.zip')).rejects.toThrow(/has a twice/)
})

test('every beginning of a zip is refused', async () => {
  const zip = zipSync(files)
  for (let length = 0; length < zip.length; length++) {
    await expect(contents(sourceOf(zip.subarray(0, length)))).rejects.toThrow(FormatError)
  }
})

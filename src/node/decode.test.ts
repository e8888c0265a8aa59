import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { decodeText } from './decode.js'
import { loadCorpus } from './load-corpus.js'
import { loadText } from './load-text.js'
import { readText } from './read-text.js'

const collect = async (chunks: Uint8Array[], encoding?: string) => {
  const parts: string[] = []
  for await (const part of decodeText(chunks, 'a.txt', encoding)) parts.push(part)
  return parts.join('')
}

describe('UTF-8 in chunks', () => {
  test('cut at every byte, and byte by byte', async () => {
    const bytes = Buffer.from(`\uFEFFa é 鯨 🐋 \uFEFF\u{10FFFF}\0\uFFFD`)
    const expected = new TextDecoder().decode(bytes)
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(await collect([bytes.subarray(0, cut), bytes.subarray(cut)])).toBe(expected)
    }
    expect(await collect(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toBe(expected)
  })

  test.each([
    ['Latin 1', [0x63, 0x61, 0x66, 0xe9, 0x20], 3],
    ['a character cut off at the end', [0x61, 0xf0, 0x9f, 0x90], 1],
    ['a continuation byte without a first byte', [0x61, 0xc3, 0xa9, 0xa9], 3],
    ['a half of a surrogate pair', [0x61, 0x61, 0xed, 0xa0, 0x80], 2],
    ['a character longer than it must be', [0x61, 0xc0, 0x80], 1],
    ['bytes that are never there', [0xff, 0xfd], 0],
    ['a beginning like that of U+FFFD', [0x61, 0xef, 0x20], 1],
  ])('%s: an error that says where, wherever it is cut', async (_name, bytes, place) => {
    const given = Uint8Array.from(bytes)
    for (let cut = 0; cut <= given.length; cut++) {
      const message = `a.txt: the file is not UTF-8 text from byte ${place} on`
      await expect(collect([given.subarray(0, cut), given.subarray(cut)])).rejects.toThrow(message)
    }
  })
})

const utf16le = (text: string) => Buffer.from(text, 'utf16le')
const utf16be = (text: string) => utf16le(text).swap16()
const latin1 = (text: string) => Buffer.from(text, 'latin1')
/** Bytes as two hexadecimal digits each. */
const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex')

const german = 'Über den Wolken muß die Freiheit\nwohl grenzenlos sein.\n'
const russian = 'Все счастливые семьи\nпохожи друг на друга.\n'
const japanese = '吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。\n'
const chinese = '学而时习之，不亦说乎？\n有朋自远方来。🐋\n'

describe('encodings', () => {
  test.each([
    ['utf-16le', utf16le(`a é 鯨 🐋 ${german}`), `a é 鯨 🐋 ${german}`],
    ['utf-16be', utf16be(`a é 鯨 🐋 ${german}`), `a é 鯨 🐋 ${german}`],
    // “It’s a naïve café…” — 5 €, and a character for each of the other bytes that are special there.
    [
      'windows-1252',
      hex(
        '93 49 74 92 73 20 61 20 6e 61 ef 76 65 20 63 61 66 e9 85 94 20 97 20 35 20 80 0d 0a 82 83 84 86 87 88 89 8a 8b 8c 8e 91 95 96 98 99 9a 9b 9c 9e 9f a0 ff',
      ),
      '“It’s a naïve café…” — 5 €\r\n‚ƒ„†‡ˆ‰Š‹ŒŽ‘•–˜™š›œžŸ\u00a0ÿ',
    ],
    ['windows-1251', hex('c4 e0 2c 20 ea e8 f2'), 'Да, кит'],
    ['koi8-r', hex('e4 c1 2c 20 cb c9 d4'), 'Да, кит'],
    ['shift_jis', hex('93 fa 96 7b 20 8c 7e'), '日本 鯨'],
    ['gb18030', hex('d6 d0 ce c4 20 81 30 81 30'), '中文 \u0080'],
    ['big5', hex('a4 a4 a4 e5'), '中文'],
    ['euc-kr', hex('b0 ed b7 a1'), '고래'],
    ['utf-8', Buffer.from('a\0é'), 'a\0é'],
  ])('%s, cut at every byte, and byte by byte', async (encoding, bytes, expected) => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(await collect([bytes.subarray(0, cut), bytes.subarray(cut)], encoding)).toBe(expected)
    }
    expect(
      await collect(
        Array.from(bytes, (byte) => Uint8Array.of(byte)),
        encoding,
      ),
    ).toBe(expected)
    // Also if the cuts come after the beginning by which a file is recognized.
    const long = Buffer.concat(Array.from({ length: Math.ceil(6000 / bytes.length) }, () => bytes))
    const repeated = expected.repeat(long.length / bytes.length)
    for (const size of [4095, 4096, 4097, 5001]) {
      expect(await collect([long.subarray(0, size), long.subarray(size)], encoding)).toBe(repeated)
    }
  })

  test.each([
    ['UTF-8', Buffer.from(`\uFEFF${german}`)],
    ['UTF-16LE', utf16le(`\uFEFF${german}`)],
    ['UTF-16BE', utf16be(`\uFEFF${german}`)],
  ])('a byte order mark of %s is honoured, and no part of the text', async (_name, bytes) => {
    expect(await collect([bytes])).toBe(german)
    expect(await collect([bytes], 'windows-1252')).toBe(german)
    expect(await collect(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toBe(german)
  })

  test.each([
    ['German', german],
    ['Russian', russian],
    ['Chinese', chinese],
    ['Japanese', japanese],
    ['long', german.repeat(4000)],
  ])('UTF-16 without a mark is refused with advice that works: a %s text', async (_language, text) => {
    for (const [encoding, bytes] of [
      ['utf-16le', utf16le(text)],
      ['utf-16be', utf16be(text)],
    ] as const) {
      await expect(collect([bytes])).rejects.toThrow(
        `${encoding} without a byte order mark; if that is what it is, use encoding: '${encoding}'`,
      )
      await expect(collect([bytes])).rejects.toThrow(`--encoding ${encoding}`)
      expect(await collect([bytes], encoding)).toBe(text)
    }
  })

  test('a text that has what looks like UTF-16 further on is not taken for UTF-16', async () => {
    const chunks = [Buffer.alloc(9000, 'a'), utf16le('a b'.repeat(3000))]
    await expect(collect(chunks)).rejects.toThrow('the file has a NUL at byte 9001')
  })

  test('bytes of Windows in a Western language are refused with advice that works', async () => {
    for (const bytes of [hex('93 49 74 92 73 94'), latin1('Über den Wolken muß die Freiheit'), latin1('café')]) {
      await expect(collect([bytes])).rejects.toThrow('--encoding windows-1252')
    }
  })

  test.each([
    ['Cyrillic', hex('c2 f1 e5 20 f1 f7 e0 f1 f2 eb e8 e2 fb e5')],
    ['Cyrillic with as many Latin letters', hex('c2 f1 e5 20 61 62 63')],
    ['Japanese', hex('93 fa 96 7b 20 8c 7e')],
    ['German of DOS, whose ü is no character of Windows', hex('6d 81 64 65')],
  ])('no advice that makes the wrong text: %s', async (_name, bytes) => {
    await expect(collect([bytes])).rejects.toThrow('name the encoding that it has')
    await expect(collect([bytes])).rejects.not.toThrow('windows-1252')
  })

  test.each([
    ['windows-1251', hex('c2 f1 e5 20 f1 f7 e0 f1 f2 eb e8 e2 fb e5 20 f1 e5 ec fc e8'), 'Все счастливые семьи'],
    ['koi8-r', hex('f7 d3 c5 20 d3 de c1 d3 d4 cc c9 d7 d9 c5 20 d3 c5 cd d8 c9'), 'Все счастливые семьи'],
  ])('a Russian text in %s is refused with advice that works', async (encoding, bytes, text) => {
    await expect(collect([bytes])).rejects.toThrow(`--encoding ${encoding}) if it is Cyrillic`)
    expect(await collect([bytes], encoding)).toBe(text)
  })

  test.each([
    ['shift_jis', hex('93 fa 96 7b 20 8c 7e')],
    ['euc-jp', hex('a4 cf a4 de a4 c0 cc b5 a4 a4')],
    [
      'gb18030',
      hex(
        'd1 a7 b6 f8 ca b1 cf b0 d6 ae a3 ac b2 bb d2 e0 cb b5 ba f5 a3 bf d3 d0 c5 f3 d7 d4 d4 b6 b7 bd c0 b4 a1 a3',
      ),
    ],
  ])('%s gets no advice for Cyrillic', async (_encoding, bytes) => {
    await expect(collect([bytes])).rejects.toThrow('name the encoding that it has')
    await expect(collect([bytes])).rejects.not.toThrow('Cyrillic')
  })

  test.each([
    ['utf-16le', utf16be(russian), 'utf-16be'],
    ['utf-16be', utf16le(german), 'utf-16le'],
    ['utf-16le', Buffer.from(german), 'utf-8'],
    ['utf-16be', Buffer.from('An English text.\n'), 'utf-8'],
  ])(
    'text given as %s that clearly is not is refused, with the name of its encoding',
    async (said, bytes, encoding) => {
      await expect(collect([bytes], said)).rejects.toThrow(DataError)
      await expect(collect([bytes], said)).rejects.toThrow(
        `the encoding is given as ${said}, but the file looks like ${encoding}`,
      )
    },
  )

  test('UTF-16 that ends within a character is reported as cut off', async () => {
    await expect(collect([utf16le('\uFEFFabc').subarray(0, 7)])).rejects.toThrow('the file ends within a character')
  })

  test('UTF-8 that is damaged is not taken for another encoding', async () => {
    for (const bytes of [Buffer.from(german).subarray(0, 20), Buffer.concat([Buffer.from(german), hex('ff')])]) {
      await expect(collect([bytes])).rejects.toThrow('damaged there or cut off')
      await expect(collect([bytes])).rejects.not.toThrow('windows-1252')
    }
  })

  test('bytes given as UTF-8 that are not are reported as damaged', async () => {
    for (const [bytes, encoding] of [
      [latin1('\xef\xbb\xbfa caf\xe9 here')],
      [latin1('a caf\xe9 here'), 'utf-8'],
    ] as const) {
      await expect(collect([bytes], encoding)).rejects.toThrow(
        'although that is its given encoding; it is damaged there',
      )
    }
  })

  test('bytes that are wrong in the encoding that is named: a DataError', async () => {
    for (const [encoding, bytes] of [
      ['utf-16le', utf16le('abc').subarray(0, 5)],
      ['shift_jis', hex('61 93')],
      ['shift_jis', Buffer.concat([Buffer.alloc(5000, 'a'), hex('fd ff'), Buffer.alloc(5000, 'a')])],
    ] as const) {
      await expect(collect([bytes], encoding)).rejects.toThrow(DataError)
      await expect(collect([bytes], encoding)).rejects.toThrow(`a.txt: the file is not ${encoding} text`)
    }
  })
})

describe('binary files', () => {
  const zip = Buffer.concat([hex('50 4b 03 04 14 00 00 00 08 00'), deflateRawSync(german)])
  test.each([
    ['gzip', gzipSync(german), 'a gzip file, expected text; unpack it first: gunzip'],
    ['zip', zip, 'a zip file'],
    ['PDF', latin1('%PDF-1.4\n1 0 obj\n'), 'a PDF file'],
    ['PNG', hex('89 50 4e 47 0d 0a 1a 0a 00 00 00 0d'), 'a PNG image'],
    ['JPEG', hex('ff d8 ff e0 00 10 4a 46'), 'a JPEG image'],
    ['GIF', hex('47 49 46 38 39 61 01 00 01 00'), 'a GIF image'],
    ['ELF', hex('7f 45 4c 46 02 01 01 00'), 'an executable'],
    ['Windows', hex('4d 5a 90 00 03 00 00 00'), 'an executable'],
    ['tar', Buffer.concat([Buffer.alloc(257), latin1('ustar  \0')]), 'a tar file'],
    ['UTF-32', hex('ff fe 00 00 61 00 00 00'), 'UTF-32 text'],
    ['anything with NULs', latin1('abc\0\0\x01\x02\0\0\0'), 'the file has a NUL at byte 3, as binary files have'],
    [
      'NULs far behind, where no text begins',
      Buffer.concat([Buffer.alloc(9000, 'a'), utf16le('a b'.repeat(3000))]),
      'the file has a NUL at byte 9001',
    ],
    ['a NUL in a text', latin1(`${'ab '.repeat(99)}x\0y`), 'the file has a NUL at byte 298, as binary'],
    ['NULs far behind', latin1(`${'a'.repeat(9000)}\0`), 'the file has a NUL at byte 9000'],
  ])('%s is named as such, whichever encoding is asked for', async (name, bytes, message) => {
    await expect(collect([bytes])).rejects.toThrow(DataError)
    await expect(collect([bytes])).rejects.toThrow(message)
    const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte))
    await expect(collect(chunks)).rejects.toThrow(message)
    if (!name.includes('NUL')) await expect(collect([bytes], 'windows-1252')).rejects.toThrow(message)
  })

  test.each(['MZ and more', 'RIFF, they said', 'GIF89a', 'PAR1', 'BZh', 'ID3 – é'])(
    'a text that begins as such a file does is text: %s',
    async (text) => {
      expect(await collect([Buffer.from(text)])).toBe(text)
    },
  )
})

describe('the option encoding', () => {
  let folder: string
  const at = (...names: string[]) => path.join(folder, ...names)
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'unrolled-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  const joined = ({ corpus, vocab }: Pick<Awaited<ReturnType<typeof loadCorpus>>, 'corpus' | 'vocab'>) =>
    vocab.join(vocab.decode(corpus.subarray(0, corpus.length)))

  test('is that of all files, of patterns and of standard input', async () => {
    await writeFile(at('a.txt'), latin1('Straße'))
    await writeFile(at('b.txt'), utf16le('\uFEFFmarked ß'))
    const encoding = 'latin1'
    const stdin = Readable.from([latin1('ü'), latin1('ß')])
    expect(joined(await loadCorpus([at('*.txt'), '-'], { encoding, stdin }))).toBe('Straße\nmarked ß\nüß')
    expect(await readText(at('a.txt'), { encoding })).toBe('Straße')
    expect(joined(await loadText(at('a.txt'), { encoding, batchSize: 1, numSteps: 1 }))).toBe('Straße')
  })

  test('is part of what a cache is found by', async () => {
    // In both encodings the bytes are text: é, or Щ.
    await writeFile(at('a.txt'), hex('61 e9'))
    const load = async (encoding: string) => {
      const loaded = await loadCorpus(at('a.txt'), { encoding, cacheDir: at('cache'), maxMemory: 0 })
      const text = joined(loaded)
      await loaded.close()
      return text
    }
    expect(await load('windows-1252')).toBe('aé')
    expect(await load('windows-1251')).toBe('aй')
    expect(await load('windows-1252')).toBe('aé')
  })

  test('of byte tokens: bytes as they are without it, those of the text’s UTF-8 with it', async () => {
    await writeFile(at('a.txt'), hex('61 e9 00'))
    const bytes = async (encoding?: string) => {
      const { corpus, vocab } = await loadCorpus(at('a.txt'), { tokens: 'byte', encoding })
      return vocab.decode(corpus.subarray(0, corpus.length)).join('')
    }
    expect(await bytes()).toBe('a\xe9\0')
    expect(await bytes('windows-1252')).toBe('a\xc3\xa9\0')
  })

  test.each(['latin-13', '', 5 as unknown as string, 'replacement'])('refuses %j', async (encoding) => {
    await writeFile(at('a.txt'), 'abc')
    for (const [name, load] of Object.entries({ loadCorpus, loadText, readText })) {
      await expect(load(at('a.txt'), { encoding })).rejects.toThrow(OptionError)
      await expect(load(at('a.txt'), { encoding })).rejects.toThrow(
        `${name}: encoding is '${encoding}', expected a name`,
      )
    }
  })
})

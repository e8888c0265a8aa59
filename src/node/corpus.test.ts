import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DataError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import { sequencesFromText } from '../data/load.js'
import { type Corpus, SequenceData } from '../data/sequences.js'
import { splitCorpus } from '../data/split.js'
import { tokenKinds } from '../data/text.js'
import { Vocab } from '../data/vocab.js'
import { predict } from '../generate/generate.js'
import { GRU } from '../nn/gru.js'
import { RNNModel } from '../nn/model.js'
import { beside } from './atomic.js'
import { FileCorpus } from './file-corpus.js'
import { type CorpusOptions, loadCorpus } from './load-corpus.js'
import { loadText } from './load-text.js'
import { loadModel, saveModel } from './model-folder.js'
import { readText } from './read-text.js'

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

const text = `Call me Ishmael. Some years ago – never mind how long precisely – 鯨 and 🐋!\r\nIt's a naïve, naïve sea.\n`
const all = ({ corpus }: { corpus: Corpus }) => [...corpus.subarray(0, corpus.length)]
const bytesOf = ({ corpus }: { corpus: Corpus }) => Buffer.from(corpus.subarray(0, corpus.length).slice().buffer)
/** A temporary name as a process that has ended made it. */
const ofDeadProcess = async (name: string) => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return name.replace(`-${process.pid}-`, `-${child.pid}-`)
}
/** Everything to a file. */
const onDisk = () => ({ cacheDir: at('cache'), maxMemory: 0 })

describe('loadCorpus', () => {
  beforeEach(loadBytePairs)

  test.each(tokenKinds)('%s tokens: what the text has in memory, in memory and in a file', async (tokens) => {
    // Longer than what is read at once, so that its chunks end anywhere.
    const long = text.repeat(4000)
    await writeFile(at('long.txt'), long)
    for (const clean of [true, false]) {
      const options = { tokens, clean }
      const expected = sequencesFromText(long, options)
      const inMemory = await loadCorpus(at('long.txt'), { ...options, cacheDir: at('cache') })
      expect(bytesOf(inMemory).equals(bytesOf(expected))).toBe(true)
      expect(inMemory.vocab.tokens).toEqual(expected.vocab.tokens)
      expect(await readdir(folder)).not.toContain('cache')
      const made = await loadCorpus(at('long.txt'), { ...options, ...onDisk() })
      const again = await loadCorpus(at('long.txt'), { ...options, ...onDisk() })
      for (const { corpus, vocab, bytes, unknown, changes, close } of [made, again]) {
        expect(corpus).toBeInstanceOf(FileCorpus)
        expect(bytesOf({ corpus }).equals(bytesOf(expected))).toBe(true)
        expect(vocab).toEqual(expected.vocab)
        expect([bytes, unknown, changes]).toEqual([Buffer.byteLength(long), 0, expected.changes])
        await close()
      }
      await rm(at('cache'), { recursive: true })
    }
  })

  test('a saved model of byte pairs goes on from a text', async () => {
    await writeFile(at('a.txt'), text)
    const { vocab } = await loadCorpus(at('a.txt'), { tokens: 'bpe' })
    await saveModel(at('model'), new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 2 }), vocab.size), vocab)
    const loaded = await loadModel(at('model'))
    expect(loaded.vocab).toEqual(vocab)
    expect(await predict(' a naïve 鯨', 3, loaded.model, loaded.vocab)).toMatch(/^ a naïve 鯨./u)
  })

  test.each(['sequential', 'random'] as const)('%s batches of a file are those of an array', async (sampling) => {
    await writeFile(at('a.txt'), text.repeat(20))
    const inMemory = await loadCorpus(at('a.txt'), { cacheDir: at('cache') })
    const onFile = await loadCorpus(at('a.txt'), onDisk())
    const batches = ({ corpus }: typeof inMemory, part?: 'validation') => {
      const piece = part ? splitCorpus(corpus, { validation: 0.4 }).validation : corpus
      const data = new SequenceData(piece ?? corpus, {
        sampling,
        batchSize: 3,
        numSteps: 7,
        generator: new Generator(5),
      })
      return [1, 2, 3].flatMap(() => [...data.batches()].map(({ x, y }) => [[...x.data], [...y.data]]))
    }
    expect(onFile.corpus).toBeInstanceOf(FileCorpus)
    expect(batches(onFile)).toEqual(batches(inMemory))
    expect(batches(onFile, 'validation')).toEqual(batches(inMemory, 'validation'))
    await onFile.close()
    expect(() => onFile.corpus.subarray(0, 5)).toThrow('the corpus is closed')
    await onFile.close()
  })

  test('two and four bytes a number, where the vocabulary is larger', async () => {
    for (const [size, bytes] of [
      [300, 2],
      [70_000, 4],
    ]) {
      const words = Array.from({ length: size }, (_, i) => `w${i}`).join(' ')
      await writeFile(at('words.txt'), words)
      const { corpus, vocab, close } = await loadCorpus(at('words.txt'), { ...onDisk(), tokens: 'word' })
      expect(corpus.subarray(0, 1).BYTES_PER_ELEMENT).toBe(bytes)
      expect(vocab.decode(corpus.subarray(size - 2, size + 9))).toEqual([`w${size - 2}`, `w${size - 1}`])
      await close()
    }
  })

  test('directories, patterns and files in one; a line break comes between', async () => {
    await mkdir(at('books', 'more'), { recursive: true })
    await writeFile(at('books', 'b.txt'), 'second')
    await writeFile(at('books', 'a.txt'), '\uFEFFfirst')
    await writeFile(at('books', 'more', 'c.txt'), 'third')
    await writeFile(at('books', 'd.md'), 'not this')
    await writeFile(at('e[1].txt'), 'fourth')
    const joined = async (...sources: string[]) => {
      const { corpus, vocab, source } = await loadCorpus(sources)
      return [vocab.join(vocab.decode(corpus.subarray(0, 100))), source.replaceAll(folder, '')]
    }
    expect(await joined(at('books'))).toEqual(['first\nsecond\nthird', '/books (3 files)'])
    expect(await joined(at('books/**/*.txt'), at('e[1].txt'))).toEqual([
      'first\nsecond\nthird\nfourth',
      '/books/**/*.txt (3 files), /e[1].txt',
    ])
    expect(await readText(at('books/{b,more/c}.txt'))).toBe('second\nthird')
    await expect(joined(at('books/*.csv'))).rejects.toThrow('no file has a name like this')
    await expect(joined()).rejects.toThrow('no text is named')
  })

  test('standard input, in chunks cut anywhere; its copy is removed', async () => {
    vi.stubEnv('TMPDIR', at('tmp'))
    await mkdir(at('tmp'))
    const bytes = Array.from(Buffer.from(text), (byte) => Uint8Array.of(byte))
    await writeFile(at('a.txt'), 'more')
    const options = { ...onDisk() }
    const loaded = await loadCorpus(['-', at('a.txt')], { ...options, stdin: Readable.from(bytes) })
    expect(loaded.vocab.join(loaded.vocab.decode(all(loaded)))).toBe(`${text}\nmore`)
    expect(loaded.source).toBe(`standard input, ${at('a.txt')}`)
    const other = await loadCorpus(['-', at('a.txt')], { ...options, stdin: Readable.from([Buffer.from('other')]) })
    expect(other.corpus.length).toBe('other\nmore'.length)
    expect(await readdir(at('tmp'))).toEqual([])
    for (const { close } of [loaded, other]) await close()
    await expect(loadCorpus(['-', '-'])).rejects.toThrow('named twice')
    vi.unstubAllEnvs()
  })

  test('copies of standard input that killed processes left are removed', async () => {
    vi.stubEnv('TMPDIR', at('tmp'))
    const [own, torn] = [beside(at('tmp', 'unrolled-text')), ofDeadProcess(beside(at('tmp', 'unrolled-text')))]
    for (const place of [own, await torn, at('tmp', 'notes')]) await mkdir(place, { recursive: true })
    await loadCorpus('-', { stdin: Readable.from([Buffer.from('text')]) })
    expect((await readdir(at('tmp'))).sort()).toEqual(['notes', path.basename(own)])
    vi.unstubAllEnvs()
  })

  test.skipIf(process.platform === 'win32')('a pipe with a name is copied, too', async () => {
    await promisify(execFile)('mkfifo', [at('pipe')])
    const [loaded] = await Promise.all([loadCorpus(at('pipe'), {}), writeFile(at('pipe'), text)])
    expect(loaded.corpus.length).toBe([...text].length)
  })

  test('a held-out part is no option, and the refusal names the function that makes one', async () => {
    await writeFile(at('text.txt'), text)
    const options = { validation: 0.1 } as CorpusOptions
    const message = 'there is no option validation: hold out a part of what was loaded with splitCorpus'
    await expect(loadCorpus(at('text.txt'), options)).rejects.toThrow(`loadCorpus: ${message}`)
    await expect(loadText(at('text.txt'), options)).rejects.toThrow(`loadText: ${message}`)
    expect(() => sequencesFromText(text, options)).toThrow(`sequencesFromText: ${message}`)
  })

  test('bytes as they are, when nothing is to be changed', async () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => (255 + 7 * i) % 256)
    await writeFile(at('any.bin'), bytes)
    const { corpus, vocab } = await loadCorpus(at('any.bin'), { tokens: 'byte' })
    expect(vocab.decode(all({ corpus })).map((byte) => byte.charCodeAt(0))).toEqual([...bytes])
    await expect(loadCorpus(at('any.bin'), { tokens: 'byte', clean: true })).rejects.toThrow(
      'not UTF-8 text from byte 0',
    )
  })

  test('a given vocabulary, rare tokens, and a limit: what is unknown is counted as far as it is kept', async () => {
    await writeFile(at('a.txt'), 'aaa bbb cc d?')
    const vocab = Vocab.count('ab')
    const given = await loadCorpus(at('a.txt'), { ...onDisk(), vocab, clean: true })
    expect([given.vocab, given.unknown, given.corpus.length]).toEqual([vocab, 6, 12])
    const rare = await loadCorpus(at('a.txt'), {
      ...onDisk(),
      minFreq: 3,
      maxTokens: 11,
      lowercase: true,
    })
    expect([rare.vocab.tokens.join(''), rare.unknown, rare.corpus.length]).toEqual(['<unk>a b', 2, 11])
    expect([given.changes, rare.changes]).toEqual([
      { replaced: 1, lowered: 0, cut: 0 },
      { replaced: 0, lowered: 0, cut: 2 },
    ])
    for (const { close } of [given, rare]) await close()
  })

  test('rare byte pairs become shorter ones, which all are kept', async () => {
    await writeFile(at('a.txt'), 'the whale the whale in then the end of them')
    const loaded = await loadCorpus(at('a.txt'), { tokens: 'bpe', clean: false, minFreq: 2 })
    expect(all(loaded)).toEqual([...loaded.vocab.encode(await readText(at('a.txt')))])
    expect(loaded.corpus.length).toBeGreaterThan(5)
    // Also where it is only one: ' ab' becomes ' a' and 'b'.
    await writeFile(at('a.txt'), 'b\nb\n a a ab')
    const one = await loadCorpus(at('a.txt'), { tokens: 'bpe', minFreq: 2 })
    expect(one.vocab.decode(all(one))).toEqual(['b', '\n', 'b', '\n', ' a', ' a', ' a', 'b'])
  })

  test('tells its progress, and ends when told to, leaving nothing behind', async () => {
    await writeFile(at('a.txt'), text.repeat(5000))
    const total = (await stat(at('a.txt'))).size
    const told: [string, number, number][] = []
    const onProgress: CorpusOptions['onProgress'] = ({ phase, done, total }) => told.push([phase, done, total])
    await (await loadCorpus(at('a.txt'), { ...onDisk(), onProgress })).close()
    await (await loadCorpus(at('a.txt'), { ...onDisk(), onProgress })).close()
    for (const phase of ['counting', 'encoding', 'checking']) {
      const steps = told.filter(([name]) => name === phase)
      expect(steps.length).toBeGreaterThan(1)
      expect(steps.at(-1)?.[1]).toBe(steps.at(-1)?.[2])
      if (phase !== 'checking') expect(steps.at(-1)?.[2]).toBe(total)
    }
    const abort = new AbortController()
    const stopped = loadCorpus(at('a.txt'), {
      ...onDisk(),
      cacheDir: at('other'),
      signal: abort.signal,
      onProgress: ({ phase }) => phase === 'encoding' && abort.abort(),
    })
    await expect(stopped).rejects.toThrow('aborted')
    await expect(loadCorpus(at('a.txt'), { signal: AbortSignal.abort('enough') })).rejects.toBe('enough')
    expect(await readdir(at('other'))).toEqual([])
  })
})

describe('the cache of a long text', () => {
  const load = async (options: CorpusOptions = {}) => {
    const phases = new Set<string>()
    const onProgress: CorpusOptions['onProgress'] = ({ phase }) => phases.add(phase)
    const { corpus, vocab, close } = await loadCorpus(at('a.txt'), { ...onDisk(), ...options, onProgress })
    const tokens = vocab.join(vocab.decode(all({ corpus })))
    await close()
    return { tokens, fresh: phases.has('encoding') }
  }
  beforeEach(() => writeFile(at('a.txt'), 'abcabc'))

  test('is used again, for the same options; also where few tokens are kept', async () => {
    expect(await load()).toEqual({ tokens: 'abcabc', fresh: true })
    expect(await load()).toEqual({ tokens: 'abcabc', fresh: false })
    expect(await load({ maxTokens: 4, maxMemory: 5 })).toEqual({ tokens: 'abca', fresh: true })
    expect(await load({ maxTokens: 4, maxMemory: 5 })).toEqual({ tokens: 'abca', fresh: false })
    await writeFile(at('a.txt'), 'Ab Ab,c')
    for (const [options, tokens] of [
      [{}, 'Ab Ab,c'],
      [{ clean: true }, 'ab ab c'],
      [{ lowercase: true }, 'ab ab,c'],
      [{ minFreq: 2 }, 'Ab<unk>Ab<unk><unk>'],
      [{ tokens: 'word' }, 'Ab Ab,c'],
      [{ tokens: 'word', lowercase: true }, 'ab ab,c'],
    ] as const) {
      expect(await load(options)).toEqual({ tokens, fresh: true })
      expect(await load(options)).toEqual({ tokens, fresh: false })
    }
    await writeFile(at('a.txt'), 'abcabc')
    expect((await load({ vocab: Vocab.count('ab') })).tokens).toBe('ab<unk>ab<unk>')
  })

  test('is made anew in its place when the text changes, in size or in time', async () => {
    await load()
    await writeFile(at('a.txt'), 'abcabcd')
    expect(await load()).toEqual({ tokens: 'abcabcd', fresh: true })
    await writeFile(at('a.txt'), 'dcbaabc')
    await utimes(at('a.txt'), 1e9, 1e9)
    expect(await load()).toEqual({ tokens: 'dcbaabc', fresh: true })
    expect((await readdir(at('cache'))).length).toBe(1)
  })

  test('is made anew when the text has other bytes, but the same size and its old time', async () => {
    const time = new Date(1e12)
    await utimes(at('a.txt'), time, time)
    expect((await load()).tokens).toBe('abcabc')
    expect((await load()).fresh).toBe(false)
    await writeFile(at('a.txt'), 'cbacba')
    await utimes(at('a.txt'), time, time)
    expect(await load()).toEqual({ tokens: 'cbacba', fresh: true })
  })

  test('is made anew when another file of the same size and time takes the place of the text', async () => {
    const time = new Date(1e12)
    await writeFile(at('b.txt'), 'cbacba')
    for (const name of ['a.txt', 'b.txt']) await utimes(at(name), time, time)
    expect((await load()).tokens).toBe('abcabc')
    await rename(at('b.txt'), at('a.txt'))
    expect(await load()).toEqual({ tokens: 'cbacba', fresh: true })
  })

  test('files that processes left when they were killed are removed, and caches not used for long', async () => {
    await load()
    const [kept] = await readdir(at('cache'))
    const own = path.basename(beside(`corpus-${'2'.repeat(32)}.bin`))
    const torn = await ofDeadProcess(own)
    const old = `corpus-${'0'.repeat(32)}.bin`
    const recent = `corpus-${'1'.repeat(32)}.bin`
    const days = (count: number) => new Date(Date.now() - count * 24 * 3600 * 1000)
    for (const name of [own, torn, old, recent, 'notes.bin']) await writeFile(at('cache', name), '')
    for (const name of [old, 'notes.bin', kept]) await utimes(at('cache', name), days(91), days(91))
    await utimes(at('cache', recent), days(89), days(89))
    // One that is used is kept, however old it is.
    expect((await load()).fresh).toBe(false)
    expect((await readdir(at('cache'))).sort()).toEqual([kept, own, recent, 'notes.bin'].sort())
    // Before another is written, too, which may need the space.
    await writeFile(at('cache', torn), '')
    expect((await load({ cacheDir: at('cache'), clean: true })).fresh).toBe(true)
    expect(await readdir(at('cache'))).not.toContain(torn)
  })

  test('is made anew when any byte of it is another, or it ends too soon', async () => {
    await load()
    const [name] = await readdir(at('cache'))
    const good = await readFile(at('cache', name))
    for (let i = 0; i < good.length; i++) {
      const bad = Buffer.from(good)
      bad[i] ^= 1 + (i % 255)
      await writeFile(at('cache', name), i % 2 === 0 ? bad : good.subarray(0, i))
      expect(await load()).toEqual({ tokens: 'abcabc', fresh: true })
    }
    expect(await readFile(at('cache', name))).toEqual(good)
  })

  test('may be made by several at once', async () => {
    const loaded = await Promise.all([load(), load(), load()])
    for (const { tokens } of loaded) expect(tokens).toBe('abcabc')
    expect((await readdir(at('cache'))).length).toBe(1)
  })

  test('is done without where it cannot be written and the tokens have place in memory', async () => {
    expect((await load({ cacheDir: at('a.txt'), maxMemory: 4, maxTokens: 4 })).tokens).toBe('abca')
    await expect(load({ cacheDir: at('a.txt'), maxMemory: 4 })).rejects.toThrow('the folder cannot be written')
  })

  test('a file cut while it is read: a DataError', async () => {
    const { corpus, close } = await loadCorpus(at('a.txt'), onDisk())
    const [name] = await readdir(at('cache'))
    await writeFile(at('cache', name), '')
    expect(() => corpus.subarray(0, 3)).toThrow('cut while tokens were read')
    await close()
  })

  test.each([
    ['ENOSPC', 'the disk is full: the tokens of this text take 0 MB there; free some space'],
    ['EIO', 'the folder cannot be written, because the system said: broken: the tokens'],
  ])('%s: a sentence that says what to do, and nothing left behind', async (code, message) => {
    const handle = await open(at('a.txt'))
    const error = Object.assign(new Error('broken'), { code, syscall: 'write' })
    vi.spyOn(Object.getPrototypeOf(handle), 'writeFile').mockRejectedValue(error)
    await handle.close()
    await expect(load()).rejects.toThrow(DataError)
    await expect(load()).rejects.toThrow(`${at('cache')}: ${message}`)
    expect(await readdir(at('cache'))).toEqual([])
  })
})

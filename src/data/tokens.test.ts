import fc from 'fast-check'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { parseVocab, vocabToJson } from '../formats/model-config.js'
import { loadBytePairs } from './byte-pairs.js'
import { sequencesFromText } from './load.js'
import { PieceStream, tokensOf } from './pieces.js'
import { splitCorpus } from './split.js'
import { cleanLines, type TextOptions, tokenKinds } from './text.js'
import { numbersFor } from './tokens.js'
import { Vocab } from './vocab.js'

beforeAll(loadBytePairs)

/** Texts of hard cases: characters of several bytes, joined emoji, marks, white space, apostrophes, lone surrogates. */
const texts = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'the ',
        "it's",
        "'LL",
        'é',
        'e\u0301',
        '鯨',
        '文字',
        '🐋',
        '👩‍👩‍👧',
        '🇧🇪',
        '<unk>',
        '<|endoftext|>',
      ),
      fc.constantFrom(
        ' ',
        '  ',
        '\n',
        '\r\n',
        '\r',
        '\t',
        '\u3000',
        '/',
        '!?',
        '123',
        '\uFEFF',
        'Σ',
        '\0',
        '\x80',
        'ÿ',
      ),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))

const utf8 = new TextEncoder()

describe.each(tokenKinds)('%s tokens', (kind) => {
  const vocabOf = (text: string) => Vocab.count(tokensOf(text, kind, false), { kind })
  const expected = (text: string) => (kind === 'word' ? text.split(/\s+/).filter(Boolean).join(' ') : text)

  test('a text survives encoding and decoding, whole and as a stream, also with a vocabulary from vocab.json', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const vocab = parseVocab(vocabToJson(vocabOf(text)), 'vocab.json')
        const numbers = vocab.encode(text)
        const unknown = vocab.decode(numbers).filter((token) => token === '<unk>').length
        // A word of the text may be '<unk>' itself, which then has a number.
        if (kind !== 'word') expect(unknown).toBe(0)
        const tokens = vocab.decode(numbers)
        expect(vocab.join(tokens)).toBe(expected(text))
        const stream = vocab.textStream()
        const streamed = tokens.map((token) => stream.push(token)).join('') + stream.flush()
        expect(streamed).toBe(kind === 'word' && tokens.length > 0 ? ` ${expected(text)}` : expected(text))
      }),
    )
  })

  test('a text has the same tokens in whatever parts it comes', () => {
    const cuts = fc.array(fc.nat(400), { maxLength: 8 })
    const options: fc.Arbitrary<TextOptions> = fc.record({ clean: fc.boolean(), lowercase: fc.boolean() })
    fc.assert(
      fc.property(texts, cuts, options, (text, cuts, options) => {
        const characters = [...text]
        const stream = new PieceStream({ ...options, tokens: kind }, 'test')
        const places = [0, ...cuts.sort((a, b) => a - b), characters.length]
        const parts = places.slice(1).map((to, i) => characters.slice(places[i], to).join(''))
        const pieces = [...parts.map((part) => stream.push(part)), stream.flush()]
        const tokens = (all: string[]) =>
          all.flatMap((piece) => (kind === 'byte' ? [...piece] : Vocab.of(['<unk>'], kind).split(piece)))
        expect(tokens(pieces)).toEqual(tokens([...new PieceStream({ ...options, tokens: kind }, 'test').pieces(text)]))
        // What the options promise for the text as a whole, computed without pieces.
        const lineBreak = kind === 'word' || kind === 'bpe' ? ' ' : ''
        const changed = options.clean
          ? cleanLines(text)
              .filter((line) => line !== '')
              .join(lineBreak)
          : options.lowercase
            ? characters.map((character) => character.toLowerCase()).join('')
            : text
        expect(tokens(pieces)).toEqual(Vocab.of(['<unk>'], kind).split(changed))
      }),
      { numRuns: 300 },
    )
  })

  test('the vocabulary has the tokens that occur, and with a given one, tokens that it lacks are unknown', () => {
    const sizes = { batchSize: 1, numSteps: 2, tokens: kind, clean: false }
    const { vocab, corpus } = sequencesFromText('a whale is a whale is a whale', sizes)
    expect(new Set(corpus.subarray(0, corpus.length)).size).toBe(vocab.size - 1)
    const other = sequencesFromText('a bear is a whale, and so on and on', { ...sizes, tokens: undefined, vocab })
    expect(other.vocab).toBe(vocab)
    expect([...other.corpus.subarray(0, other.corpus.length)]).toEqual([
      ...vocab.encode('a bear is a whale, and so on and on'),
    ])
    expect(other.corpus.subarray(0, other.corpus.length)).toContain(0)
    const another = kind === 'char' ? 'byte' : 'char'
    expect(() => sequencesFromText('a whale', { ...sizes, tokens: another, vocab })).toThrow(OptionError)
  })
})

describe('bytes', () => {
  test('are those of UTF-8', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const tokens = Vocab.of(['<unk>'], 'byte').split(text)
        expect(tokens.map((token) => token.charCodeAt(0))).toEqual([...utf8.encode(text)])
      }),
    )
  })

  test('are held back until a character is whole; a character cut off is U+FFFD', () => {
    const vocab = Vocab.count('é\xe9', { kind: 'byte' })
    const stream = vocab.textStream()
    const [first, second, third] = vocab.split('鯨')
    expect([first, second, third, 'a', first].map((byte) => stream.push(byte))).toEqual(['', '', '鯨', 'a', ''])
    expect(stream.flush()).toBe('\uFFFD')
    expect(vocab.join([first, second, '<unk>'])).toBe('\uFFFD<unk>')
  })

  test('a token that is not made of bytes is refused', () => {
    expect(() => Vocab.of(['<unk>', '鯨'], 'byte')).toThrow(DataError)
    expect(() => Vocab.of(['<unk>', '鯨'], 'bpe')).toThrow('not made of bytes')
    expect(() => Vocab.of(['<unk>', '\u0100'], 'byte')).toThrow('not made of bytes')
    expect(Vocab.of(['<unk>', '\xff'], 'byte').size).toBe(2)
  })
})

describe('byte pairs', () => {
  test('are those of GPT-4o', () => {
    // From OpenAI's tiktoken: o200k_base has "hello world" as 24912 and 2375, "hello" and " world".
    expect(Vocab.of(['<unk>'], 'bpe').split('hello world')).toEqual(['hello', ' world'])
    expect(Vocab.of(['<unk>'], 'bpe').split('🐋').length).toBeLessThan(5)
  })

  test('that are not known become shorter ones that are', () => {
    const vocab = Vocab.of(['<unk>', 't', 'he', ' whale', 'h'], 'bpe')
    expect(vocab.split('the whale')).toEqual(['t', 'he', ' whale'])
    expect(vocab.split('then')).toEqual(['then'])
    expect([...vocab.encode('the whale then')]).toEqual([1, 2, 3, 0])
  })

  test('an endless run of letters is encoded in bounded time, and comes back', () => {
    const vocab = Vocab.of(['<unk>'], 'bpe')
    for (const text of ['ab'.repeat(50_000), '鯨'.repeat(5000), '🐋'.repeat(5000), ' '.repeat(5000)]) {
      expect(vocab.join(vocab.split(text))).toBe(text)
    }
    const stream = new PieceStream({ tokens: 'bpe' }, 'test')
    const text = '𝒳'.repeat(3000)
    const pieces = [stream.push(text.slice(0, 2001 * 2)), stream.push(text.slice(2001 * 2)), stream.flush()]
    expect(pieces.flatMap((piece) => vocab.split(piece))).toEqual(vocab.split(text))
  })
})

test('without the package or before it is loaded, the error says what to do', async () => {
  vi.resetModules()
  vi.doMock('gpt-tokenizer/encoding/o200k_base', () => {
    throw new Error('not found')
  })
  const { loadBytePairs, splitBytePairs } = await import('./byte-pairs.js')
  await expect(loadBytePairs()).rejects.toThrow('install it with: npm install gpt-tokenizer')
  expect(() => splitBytePairs('text')).toThrow('await loadBytePairs() first')
  vi.doUnmock('gpt-tokenizer/encoding/o200k_base')
})

test('a word of a million letters is refused', () => {
  expect(() => [...tokensOf('a'.repeat(3 * 2 ** 20), 'word', false)]).toThrow(DataError)
})

describe('splitCorpus', () => {
  const counting = Int32Array.from({ length: 1000 }, (_, i) => i)

  test('pieces are adjacent, and each token is in exactly one of them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 49 }), fc.integer({ min: 0, max: 49 }), (a, b) => {
        const { train, validation, test } = splitCorpus(counting, { validation: a / 100, test: b / 100 })
        const all = [train, validation, test].flatMap((piece) => [...(piece?.subarray(0, piece.length) ?? [])])
        expect(all).toEqual([...counting])
        expect(validation?.length ?? 0).toBe(Math.floor((1000 * a) / 100))
        expect(test?.length ?? 0).toBe(Math.floor((1000 * b) / 100))
        expect([validation === undefined, test === undefined]).toEqual([a === 0, b === 0])
      }),
    )
  })

  test('a view ends where its piece does', () => {
    const { validation } = splitCorpus(counting, { validation: 0.25, test: 0.25 })
    expect([...(validation?.subarray(-5, 2) ?? [])]).toEqual([500, 501])
    expect([...(validation?.subarray(248, 2000) ?? [])]).toEqual([748, 749])
    expect(validation?.subarray(5, 2).length).toBe(0)
  })

  test.each([
    [{ validation: -0.1 }, 'validation is -0.1'],
    [{ test: Number.NaN }, 'test is NaN'],
    [{ validation: 0.5, test: 0.5 }, 'less than 1 together'],
    [{ test: 0.0001 }, 'which is less than one of 1000 tokens'],
  ])('refuses %o', (options, message) => {
    expect(() => splitCorpus(counting, options)).toThrow(OptionError)
    expect(() => splitCorpus(counting, options)).toThrow(message)
  })
})

test('numbers of tokens take as few bytes as the vocabulary allows', () => {
  for (const [size, bytes] of [
    [256, 1],
    [257, 2],
    [65_536, 2],
    [65_537, 4],
  ]) {
    expect(numbersFor(size).BYTES_PER_ELEMENT).toBe(bytes)
  }
})

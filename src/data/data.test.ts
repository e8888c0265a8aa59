import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { sequencesFromText } from './load.js'
import { tokensOf } from './pieces.js'
import { type Batch, SequenceData } from './sequences.js'
import { cleanLines } from './text.js'
import { tokenCounter, tokenEncoder } from './tokens.js'
import { Vocab } from './vocab.js'

describe('cleaning', () => {
  test('is the book’s', () => {
    const text = 'The Time Machine, by H. G. Wells [1898]\n\n  I\n“Don’t!” he said.\r\nend\n'
    expect(cleanLines(text)).toEqual(['the time machine by h g wells', '', 'i', 'don t he said', 'end'])
  })

  test('lines are joined with nothing between', () => {
    expect([...tokensOf('of him\nwas he', 'char', true)].join('')).toBe('of himwas he')
    expect([...tokensOf('of him\nwas he', 'word', true)]).toEqual(['of', 'him', 'was', 'he'])
  })

  test('is optional; characters are code points', () => {
    expect([...tokensOf('A 😀\nb', 'char', false)]).toEqual(['A', ' ', '😀', '\n', 'b'])
  })
})

describe('characters', () => {
  test('are counted and numbered like an array of code points', () => {
    const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀', '\u{1F1E7}', '\ud800', '\0') }))
    fc.assert(
      fc.property(pieces, (pieces) => {
        const characters = pieces.flatMap((piece) => [...piece])
        const vocab = Vocab.count(characters)
        const counter = tokenCounter('char')
        for (const piece of pieces) counter.add(piece)
        expect(Vocab.ofCounts(counter.counts()).tokens).toEqual(vocab.tokens)
        const encode = tokenEncoder(vocab)
        expect(pieces.flatMap((piece) => [...encode(piece)])).toEqual([...vocab.encode(characters)])
      }),
    )
  })
})

describe('Vocab', () => {
  const vocab = Vocab.count('abbcccd', { reservedTokens: ['<pad>'] })

  test('<unk>, reserved tokens, then by falling frequency and first appearance', () => {
    expect(vocab.tokens).toEqual(['<unk>', '<pad>', 'c', 'b', 'a', 'd'])
    expect(Vocab.count('abbcccd', { minFreq: 2 }).tokens).toEqual(['<unk>', 'c', 'b'])
  })

  test('a token reserved twice, or <unk> itself, has one number', () => {
    const { tokens } = Vocab.count('ab', { reservedTokens: ['<unk>', '<pad>', '<pad>', 'b'] })
    expect(tokens).toEqual(['<unk>', '<pad>', 'b', 'a'])
  })

  test('encodes and decodes; unknown tokens are 0', () => {
    expect([...vocab.encode('cab?')]).toEqual([2, 4, 3, 0])
    expect(vocab.decode([2, 0])).toEqual(['c', '<unk>'])
    expect(vocab.join(vocab.decode(vocab.encode('abcd')))).toBe('abcd')
    expect(() => vocab.tokenOf(6)).toThrow(DataError)
  })

  test('words', () => {
    const words = Vocab.count('the cat and the dog'.split(' '), { kind: 'word' })
    expect(words.tokens.slice(0, 2)).toEqual(['<unk>', 'the'])
    expect(words.join(words.decode(words.encode(' the  dog ')))).toBe('the dog')
  })

  test('of a saved list: <unk> comes first, and no token appears twice', () => {
    expect(Vocab.of(['<unk>', 'a']).size).toBe(2)
    expect(() => Vocab.of(['a'])).toThrow("expected '<unk>'")
    expect(() => Vocab.of(['<unk>', 'a', 'a'])).toThrow('twice')
  })
})

describe('SequenceData', () => {
  const counting = (length: number) => Int32Array.from({ length }, (_, i) => i)
  const sizes = fc.record({
    batchSize: fc.integer({ min: 1, max: 7 }),
    numSteps: fc.integer({ min: 1, max: 9 }),
    more: fc.integer({ min: 0, max: 200 }),
    seed: fc.nat(),
  })
  const make = (
    { batchSize, numSteps, more, seed }: { batchSize: number; numSteps: number; more: number; seed: number },
    sampling: 'random' | 'sequential',
  ) =>
    new SequenceData(counting((batchSize + 1) * numSteps + 1 + more), {
      batchSize,
      numSteps,
      sampling,
      generator: new Generator(seed),
    })

  test.each(['random', 'sequential'] as const)('%s: whole batches, labels one token later', (sampling) => {
    fc.assert(
      fc.property(sizes, (size) => {
        const batches = [...make(size, sampling).batches()]
        expect(batches.length).toBeGreaterThan(0)
        for (const { x, y } of batches) {
          expect(x.shape).toEqual([size.batchSize, size.numSteps])
          expect(y.shape).toEqual(x.shape)
          for (let i = 0; i < x.size; i++) expect(y.data[i]).toBe(x.data[i] + 1)
          for (let i = 0; i < x.size; i++) if (i % size.numSteps > 0) expect(x.data[i]).toBe(x.data[i - 1] + 1)
        }
      }),
    )
  })

  test('sequential: each batch continues the last, row by row, and too few tokens are left to fill another', () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const { batchSize, numSteps } = size
        const data = make(size, 'sequential')
        const batches = [...data.batches()]
        for (const [k, { x }] of batches.entries()) {
          for (let row = 0; k > 0 && row < batchSize; row++) {
            const before = batches[k - 1].x.data[(row + 1) * numSteps - 1]
            expect(x.data[row * numSteps]).toBe(before + 1)
          }
        }
        const offset = batches[0].x.data[0]
        expect(offset).toBeLessThanOrEqual(numSteps)
        const width = Math.floor((data.corpus.length - offset - 1) / batchSize)
        expect(batches.length).toBe(Math.floor(width / numSteps))
      }),
    )
  })

  test('random: no two subsequences overlap, and their order is shuffled', () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const { numSteps } = size
        const data = make(size, 'random')
        const starts = [...data.batches()].flatMap(({ x }) => [...x.data].filter((_, i) => i % numSteps === 0))
        expect(new Set(starts).size).toBe(starts.length)
        expect(new Set(starts.map((start) => start % numSteps)).size).toBe(1)
        const offset = starts[0] % numSteps
        const subsequences = Math.floor((data.corpus.length - offset - 1) / numSteps)
        expect(starts.length).toBe(subsequences - (subsequences % size.batchSize))
      }),
    )
    const starts = [
      ...new SequenceData(counting(1000), { sampling: 'random', batchSize: 1, numSteps: 10 }).batches(),
    ].map(({ x }) => x.data[0])
    expect(starts).not.toEqual(starts.toSorted((a, b) => a - b))
  })

  test('random: the order is that of an array shuffled by the same generator, pass after pass', () => {
    const [numSteps, length, reference] = [5, 200, new Generator(3)]
    const data = new SequenceData(counting(length), {
      sampling: 'random',
      batchSize: 2,
      numSteps,
      generator: new Generator(3),
    })
    for (let pass = 0; pass < 5; pass++) {
      const offset = reference.integer(numSteps)
      const count = Math.floor((length - offset - 1) / numSteps)
      const starts = reference.shuffle(Array.from({ length: count }, (_, i) => offset + i * numSteps))
      const made = [...data.batches()].flatMap(({ x }) => [x.data[0], x.data[numSteps]])
      expect(made).toEqual(starts.slice(0, made.length))
    }
    // Two passes at the same time don't share their order.
    const [one, other] = [data.batches(), data.batches()].map((batches) => batches[Symbol.iterator]())
    const seen: number[][] = [[], []]
    for (let i = 0; i < 18; i++) {
      ;[one, other].forEach((batches, k) => {
        const { x } = batches.next().value as Batch
        seen[k].push(x.data[0], x.data[numSteps])
      })
    }
    for (const starts of seen) expect(new Set(starts).size).toBe(starts.length)
    expect(seen[0]).not.toEqual(seen[1])
  })

  test.each([
    ['random', 34],
    ['sequential', 35],
  ] as const)('%s: 10,000 tokens make 8 batches at every offset from 0 to %i', (sampling, largest) => {
    const data = new SequenceData(counting(10_000), { sampling })
    const offsets = new Set<number>()
    for (let pass = 0; pass < 600; pass++) {
      const batches = [...data.batches()]
      expect(batches.length).toBe(8)
      const first = batches[0].x.data[0]
      offsets.add(sampling === 'random' ? first % 35 : first)
    }
    expect([...offsets].sort((a, b) => a - b)).toEqual(Array.from({ length: largest + 1 }, (_, i) => i))
  })

  test.each(['random', 'sequential'] as const)('%s: the same seed makes the same batches', (sampling) => {
    const all = (seed: number) => {
      const data = make({ batchSize: 3, numSteps: 4, more: 90, seed }, sampling)
      return [1, 2, 3].flatMap(() => [...data.batches()].map(({ x, y }) => [[...x.data], [...y.data]]))
    }
    expect(all(8)).toEqual(all(8))
    expect(all(8)).not.toEqual(all(9))
  })

  test.each([{ batchSize: 0 }, { numSteps: -1 }, { batchSize: 1.5 }, { numSteps: Number.NaN }])(
    'refuses %o',
    (option) => {
      expect(() => new SequenceData(counting(100), option)).toThrow(OptionError)
    },
  )

  test('tells how long a text must be', () => {
    const sizes = { batchSize: 2, numSteps: 5 }
    expect(() => new SequenceData(counting(15), sizes)).toThrow(
      'SequenceData: the corpus has 15 tokens, expected at least 16',
    )
    expect(() => new SequenceData(counting(14), { ...sizes, sampling: 'random' })).toThrow('expected at least 15')
    for (let seed = 0; seed < 20; seed++) {
      const generator = new Generator(seed)
      expect([...new SequenceData(counting(16), { ...sizes, generator }).batches()].length).toBe(1)
      const random = { ...sizes, sampling: 'random', generator } as const
      expect([...new SequenceData(counting(15), random).batches()].length).toBe(1)
    }
  })
})

describe('sequencesFromText', () => {
  const text = 'It was the best of times,\nit was the worst of times. '.repeat(10)

  test('builds the vocabulary from the whole text, and cuts the corpus afterwards', () => {
    const sizes = { batchSize: 2, numSteps: 5, maxTokens: 100, clean: true }
    const { vocab, corpus } = sequencesFromText(`${text}xyz`, sizes)
    expect(corpus.length).toBe(100)
    expect(vocab.has('z')).toBe(true)
    expect(vocab.join(vocab.decode(corpus.subarray(0, 16)))).toBe('it was the best ')
  })

  test.each([
    ['German', 'Über den Wolken muß die Freiheit wohl grenzenlos sein. '],
    ['Russian', 'Все счастливые семьи похожи друг на друга, 1877.\r\n'],
    ['Chinese', '学而时习之，不亦说乎？🐋\n'],
  ])('a %s text is loaded whole and unchanged', (_language, line) => {
    const own = line.repeat(1000)
    const { vocab, corpus, changes } = sequencesFromText(own, { batchSize: 2, numSteps: 5 })
    expect(vocab.join(vocab.decode(corpus.subarray(0, corpus.length)))).toBe(own)
    expect(changes).toEqual({ replaced: 0, lowered: 0, cut: 0 })
  })

  test('changes by cleaning, lower case and a limit are counted', () => {
    // Only letters stay: the apostrophe becomes a space, and what is at a line's beginning or end is dropped.
    const given = "It's,  é\nß 🐋 Bee . "
    const sizes = { batchSize: 1, numSteps: 1 }
    const cleaned = sequencesFromText(given, { ...sizes, clean: true, maxTokens: 5 })
    expect(cleaned.vocab.join(cleaned.vocab.decode(cleaned.corpus.subarray(0, 99)))).toBe('it sb')
    expect(cleaned.changes).toEqual({ replaced: 13, lowered: 2, cut: 2 })
    const spaced = sequencesFromText('a b,c', { ...sizes, clean: true })
    expect(spaced.changes).toEqual({ replaced: 1, lowered: 0, cut: 0 })
    const small = sequencesFromText('ÀB Σ\u{10400}c1', { ...sizes, lowercase: true })
    expect(small.changes).toEqual({ replaced: 0, lowered: 4, cut: 0 })
    const words = sequencesFromText('one Two three', { ...sizes, tokens: 'word', clean: true })
    expect(words.changes).toEqual({ replaced: 0, lowered: 1, cut: 0 })
    const known = sequencesFromText('abab', { ...sizes, vocab: small.vocab, maxTokens: 3 })
    expect(known.changes).toEqual({ replaced: 0, lowered: 0, cut: 1 })
  })

  test('if cleaning leaves nothing, the error says so and what to do', () => {
    const load = () => sequencesFromText('Все счастливые семьи', { clean: true })
    expect(load).toThrow(
      'sequencesFromText: cleaning leaves nothing of the text, because it has none of the letters A–Z',
    )
    expect(load).toThrow('load it without cleaning')
  })

  test.each([
    ['a short text', 'abc', {}, 'sequencesFromText: the text has 3 tokens, expected at least'],
    ['an empty text', '', {}, 'sequencesFromText: the text is empty'],
    ['a limit of 0', 'abc', { maxTokens: 0 }, 'sequencesFromText: maxTokens is 0'],
    ['an unknown kind', 'abc', { tokens: 'letter' as 'char' }, "sequencesFromText: tokens is 'letter'"],
    ['a batch of no size', 'abc', { batchSize: 0 }, 'sequencesFromText: batchSize is 0'],
    ['a long word', 'a'.repeat(2 ** 21), { tokens: 'word' as const }, 'sequencesFromText: the text has a word of'],
    [
      'another vocabulary',
      'a',
      { tokens: 'word' as const, vocab: Vocab.count('a') },
      "sequencesFromText: tokens is 'word'",
    ],
    ['no string', undefined as unknown as string, {}, 'sequencesFromText: the text is undefined, expected a string'],
  ])('%s: the error names the function that was called', (_name, given, options, message) => {
    expect(() => sequencesFromText(given, options)).toThrow(message)
  })

  test('words, and case kept', () => {
    const options = { batchSize: 2, numSteps: 5, tokens: 'word' } as const
    const { vocab, corpus } = sequencesFromText(text, options)
    expect(vocab.decode(corpus.subarray(0, 6))).toEqual(['It', 'was', 'the', 'best', 'of', 'times,'])
  })

  test.each([
    ['an empty text', '', {}, DataError],
    ['a text without letters', '123 456', { clean: true }, DataError],
    ['a short text', 'abc', {}, DataError],
    ['no tokens asked for', text, { maxTokens: 0 }, OptionError],
    ['an unknown kind of token', text, { tokens: 'letter' as 'char' }, OptionError],
  ])('%s is refused', (_name, given, options, error) => {
    expect(() => sequencesFromText(given, options)).toThrow(error)
  })
})

import { describe, expect, test } from 'vitest'
import { OptionError } from '../core/errors.js'
import { Vocab } from '../data/vocab.js'
import { charactersPerToken, countTokens, heldOut } from './token-counts.js'

const { signal } = new AbortController()

describe('countTokens', () => {
  test('counts a corpus longer than what is read at once', async () => {
    const vocab = Vocab.of(['<unk>', 'a', 'b', 'c'])
    const corpus = Uint8Array.from({ length: 150_001 }, (_, i) => i % 3)
    expect([...(await countTokens(corpus, vocab, signal))]).toEqual([50_001, 50_000, 50_000, 0])
    await expect(countTokens(corpus, vocab, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })
})

describe('charactersPerToken', () => {
  const of = async (vocab: Vocab, text: string) => {
    return charactersPerToken(await countTokens(vocab.encode(text), vocab, signal), vocab)
  }

  test('a character is one, known or not', async () => {
    expect(await of(Vocab.of(['<unk>', '\u{1F600}']), '\u{1F600}xy')).toBe(1)
  })

  test('a word has its letters and a space; unknown ones are as long as the others', async () => {
    const vocab = Vocab.of(['<unk>', 'the', '\u{1F600}', 'never'], 'word')
    expect(await of(vocab, 'the unknown the \u{1F600}')).toBe((4 + 4 + 2) / 3)
    expect(await of(vocab, 'all unknown')).toBeNaN()
  })

  test('bytes of a character count together', async () => {
    const text = 'né \u{1F600}!'
    const vocab = Vocab.count(Vocab.of(['<unk>'], 'byte').split(text), { kind: 'byte' })
    expect(await of(vocab, text)).toBe([...text].length / Buffer.byteLength(text))
  })
})

describe('heldOut', () => {
  test('cuts off the end if it has at least two tokens, of which one can be predicted', async () => {
    const corpus = Uint8Array.from({ length: 25 }, (_, i) => i)
    const held = (await heldOut(corpus, 0.1))!
    expect([held.train.length, held.validation.length]).toEqual([23, 2])
    expect([...held.validation.subarray(0, 2)]).toEqual([23, 24])
    expect(await heldOut(corpus, 0.05)).toBeUndefined()
    expect(await heldOut(corpus, 0)).toBeUndefined()
    for (const part of [-0.1, 1, 1.5]) await expect(heldOut(corpus, part)).rejects.toThrow(OptionError)
  })
})

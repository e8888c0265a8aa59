import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { DataError } from '../core/errors.js'
import { cleanLines } from '../data/text.js'
import { openSources } from './sources.js'
import { textFacts } from './text-facts.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-facts-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function factsOf(texts: (string | Buffer)[], clean = false) {
  const names = texts.map((text, i) => {
    const name = path.join(folder, `${i}.txt`)
    writeFileSync(name, text)
    return name
  })
  const { files, close } = await openSources(names, 'test')
  try {
    return await textFacts(files, { clean })
  } finally {
    await close()
  }
}

describe('textFacts', () => {
  test('sizes, lines and tokens of each kind, as arrays have them', async () => {
    const pieces = fc.constantFrom('a', 'B', 'é', '\u{1F600}', ' ', '\t', '\n', '\r', '\r\n', 'ab ')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: pieces, maxLength: 30 }), { minLength: 1, maxLength: 3 }),
        async (texts) => {
          const all = texts.join('\n')
          const kinds: Record<string, (string | number)[]> = {
            char: [...all],
            byte: [...Buffer.from(all)],
            word: all.split(/\s+/).filter((word) => word !== ''),
          }
          expect(await factsOf(texts)).toEqual({
            files: texts.length,
            bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
            characters: texts.reduce((sum, text) => sum + [...text].length, 0),
            lines: texts.reduce(
              (sum, text) => sum + text.replace(/(\r\n|\r|\n)$/, '').split(/\r\n|\r|\n/).length - (text === '' ? 1 : 0),
              0,
            ),
            kinds: Object.fromEntries(
              Object.entries(kinds).map(([kind, tokens]) => [
                kind,
                { tokens: tokens.length, vocabulary: new Set(tokens).size + 1 },
              ]),
            ),
          })
        },
      ),
      { numRuns: 50 },
    )
  })

  test('cleaned, tokens are those of the clean text; sizes stay', async () => {
    const text = 'The Time\nMachine, by H. G. Wells [1898]'
    const { characters, kinds } = await factsOf([text], true)
    expect(characters).toBe(text.length)
    const lines = cleanLines(text)
    expect(kinds.char).toEqual({ tokens: lines.join('').length, vocabulary: new Set(lines.join('')).size + 1 })
    expect(kinds.word).toEqual({ tokens: 7, vocabulary: 8 })
  })

  test('line ends and characters that are cut by a reading', async () => {
    const before = 'a'.repeat(2 ** 18 - 1)
    expect(await factsOf([`${before}\r\nb`])).toMatchObject({ lines: 2, characters: before.length + 3 })
    expect(await factsOf([`${before}é`])).toMatchObject({ lines: 1, characters: before.length + 1 })
  })

  test('a text without spaces has no words; one that is not UTF-8 is refused', async () => {
    const { kinds } = await factsOf(['a'.repeat(2 ** 20 + 2 ** 18 + 1)])
    expect(kinds.word).toBeNull()
    expect(kinds.char).toEqual({ tokens: 2 ** 20 + 2 ** 18 + 1, vocabulary: 2 })
    await expect(factsOf([Buffer.from([0x61, 0xff])])).rejects.toThrow(DataError)
  })
})

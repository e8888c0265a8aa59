import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StopFilter } from './stop-strings.js'

/** The tokens that come through, and the text after each push. */
function filtered(texts: string[], stops: string[]) {
  const filter = new StopFilter<{ text: string; index: number }>(stops)
  const through: { text: string; index: number }[] = []
  for (const [index, text] of texts.entries()) {
    through.push(...filter.push({ text, index }))
    if (filter.ended) return through
  }
  return [...through, ...filter.flush()]
}

test('a token waits only while it may belong to a stop string', () => {
  const filter = new StopFilter(['end'])
  const push = (text: string) => filter.push({ text }).map((token) => token.text)
  expect([push('a'), push('e'), push('n'), push('e'), push('n')]).toEqual([['a'], [], [], ['e', 'n'], []])
  expect(push('d')).toEqual([])
  expect(filter.ended).toBe(true)
})

test('a stop string may begin within a word', () => {
  expect(filtered([' the', ' end.', ' more'], ['nd'])).toEqual([
    { text: ' the', index: 0 },
    { text: ' e', index: 1 },
  ])
})

test('any tokens and stop strings: the text up to the first, token by token', () => {
  const letters = (minLength: number, maxLength: number) =>
    fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength, maxLength })
  const property = fc.property(fc.array(letters(0, 3)), fc.array(letters(1, 4), { maxLength: 3 }), (texts, stops) => {
    const through = filtered(texts, stops)
    // The stop string that is whole first; of several at once, the one that begins first.
    let expected = ''
    for (const text of texts) {
      expected += text
      const ends = stops.map((stop) => expected.indexOf(stop)).filter((at) => at >= 0)
      if (ends.length === 0) continue
      expected = expected.slice(0, Math.min(...ends))
      break
    }
    expect(through.map(({ text }) => text).join('')).toBe(expected)
    through.slice(0, -1).forEach(({ text, index }, i) => {
      expect([text, index]).toEqual([texts[i], i])
    })
  })
  fc.assert(property, { numRuns: 1000, seed: 1 })
})

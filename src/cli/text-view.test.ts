import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'
import { describe, expect, test } from 'vitest'
import { TextView } from './text-view.js'

/** What a view shows of texts with a prefix of 'the'. */
function shown(withProbabilities: boolean, colors: boolean, ...texts: [text: string, probability: number][][]) {
  let output = ''
  const stream = { write: (text: string) => (output += text) }
  const view = new TextView('the', withProbabilities, stream, pc.createColors(colors))
  for (const tokens of texts) {
    for (const [text, probability] of tokens) view.token({ text, probability })
    view.end()
  }
  return output
}

describe('TextView', () => {
  test('texts one after another, with a line between', () => {
    expect(shown(false, true, [[' a', 1]])).toBe('the a\n')
    expect(
      shown(
        false,
        true,
        [[' a', 1]],
        [],
        [
          [' b', 1],
          ['c', 1],
        ],
      ),
    ).toBe('the a\n---\nthe\n---\nthe bc\n')
  })

  test.each([
    [true, 'the ^[[2J\ta\n^M\n'],
    [false, 'the \x1b[2J\ta\n\r\n'],
  ])('a model may make control characters: on a terminal (%s) they are only shown', (isTTY, expected) => {
    let output = ''
    const stream = { isTTY, write: (text: string) => (output += text) }
    const view = new TextView('the \x1b', false, stream, pc.createColors(false))
    for (const text of ['[2J\t', 'a\n\r']) view.token({ text, probability: 1 })
    view.end()
    expect(output).toBe(expected)
  })

  test('shades of colour are no control characters of the text', () => {
    let output = ''
    const stream = { isTTY: true, write: (text: string) => (output += text) }
    const view = new TextView('the', true, stream, pc.createColors(true))
    view.token({ text: '\x1b[2J', probability: 1 })
    view.end()
    expect(stripVTControlCharacters(output)).toContain('\nthe^[[2J\n')
  })

  test('without colours, a line for each token', () => {
    const tokens: [string, number][] = [
      ['t', 0.934],
      [' ', 0.00412],
      ['\n', 1],
      ["'", 0.5],
      ['"\x1b', 0.1],
      ['\x7f\x9b', 0.1],
    ]
    expect(shown(true, false, tokens)).toBe(
      "the\n't' 0.93\n' ' 0.0041\n'\\n' 1.0\n'\\'' 0.50\n'\"\\u001b' 0.10\n'\\u007f\\u009b' 0.10\n",
    )
  })

  test('with colours, a shade for each token that the legend explains', () => {
    const output = shown(true, true, [
      [' a', 0.95],
      ['b', 0.02],
      ['\n', 0.6],
      ['c', 0.95],
    ])
    expect(stripVTControlCharacters(output)).toBe(
      'probability:  ≥ 0.9   ≥ 0.5   ≥ 0.2   ≥ 0.05   < 0.05 \nthe ab⏎\nc\n',
    )
    const [legend, ...text] = output.split('\n')
    const shadeOf = (part: string, line: string) =>
      line
        .slice(0, line.indexOf(part))
        .match(/\[4[0-8]m/g)
        ?.at(-1)
    expect(shadeOf(' a', text[0])).toBe(shadeOf('≥ 0.9', legend))
    expect(shadeOf('b', text[0])).toBe(shadeOf('< 0.05', legend))
    expect(shadeOf('⏎', text[0])).toBe(shadeOf('≥ 0.5', legend))
    expect(shadeOf('c', text[1])).toBe(shadeOf('≥ 0.9', legend))
    expect(new Set(legend.match(/\[4[0-8]m/g)).size).toBe(5)
  })
})

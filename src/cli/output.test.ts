import { afterEach, expect, test, vi } from 'vitest'
import { movesCursor, print, printJson, quoted, visible } from './output.js'

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

test('control characters are shown as cat -v shows them; line ends and tabs stay', () => {
  expect(visible('a\x1b[31mb\tc\n\r\x00\x7f é \u{1f600}')).toBe('a^[[31mb\tc\n^M^@^? é \u{1f600}')
  // U+009B begins the same sequences as ESC [ does.
  expect(visible('\x9b2J')).toBe('\\u009b2J')
})

test('a text in quotes has no control character at all', () => {
  expect(quoted('a"\n\x1b\x7f\x9b')).toBe('"a\\"\\n\\u001b\\u007f\\u009b"')
})

test('a line for people cannot control their terminal', () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  print('text: \x1b]0;title\x07.txt')
  expect(log.mock.calls).toEqual([['text: ^[]0;title^G.txt']])
})

test('JSON has no null: numbers that it cannot hold are left out', () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  printJson({
    loss: 3723,
    perplexity: Number.POSITIVE_INFINITY,
    bits: Number.NaN,
    part: { speed: null, name: 'x' },
    all: [1],
  })
  expect(log.mock.calls).toEqual([['{"loss":3723,"part":{"name":"x"},"all":[1]}']])
})

test('the cursor moves on terminals that can do it', () => {
  vi.stubEnv('TERM', 'xterm-256color')
  expect(movesCursor({ isTTY: true })).toBe(true)
  expect(movesCursor({ isTTY: false })).toBe(false)
  expect(movesCursor({})).toBe(false)
  vi.stubEnv('TERM', 'dumb')
  expect(movesCursor({ isTTY: true })).toBe(false)
})

import { expect, test } from 'vitest'
import { plain, relaxed, short } from './binary.js'
import { decodePrintable, encodePrintable } from './printable.js'

test('every byte, beside every other, comes back', () => {
  const bytes = Uint8Array.from({ length: 2 ** 17 }, (_, i) => (i % 2 === 0 ? i >> 1 : i >> 9))
  expect(decodePrintable(encodePrintable(bytes, short), short)).toEqual(bytes)
  expect(decodePrintable('', short)).toEqual(new Uint8Array())
})

test('no character has to be escaped in a string', () => {
  const text = encodePrintable(
    Uint8Array.from({ length: 256 }, (_, i) => i),
    short,
  )
  expect(text).toMatch(/^[\x21-\x7e]+$/)
  expect(text).not.toMatch(/['"`\\$]/)
})

test.each(Object.entries({ plain: plain(), relaxed: relaxed() }))(
  'the kernels are WebAssembly to their last byte: %s',
  (_name, text) => {
    const bytes = decodePrintable(text, short)
    expect([...bytes.subarray(0, 8)]).toEqual([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
    expect(encodePrintable(bytes, short)).toBe(text)
    // Each section says how long it is, as a LEB128 number, and the last one ends where the module does.
    let at = 8
    while (at < bytes.length) {
      let length = 0
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[++at]
        length |= (byte & 0x7f) << shift
        if (byte < 0x80) break
      }
      at += 1 + length
    }
    expect(at).toBe(bytes.length)
  },
)

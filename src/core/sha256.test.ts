import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { Sha256 } from './sha256.js'

const bytesOf = (text: string) => new TextEncoder().encode(text)

// The examples of FIPS 180-2, appendix B.
test.each([
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
])('the SHA-256 of an example of the standard', (text, expected) => {
  expect(new Sha256().update(bytesOf(text)).digest()).toBe(expected)
})

test('bytes of every length, in pieces of every length, have the SHA-256 that Node computes', () => {
  for (let length = 0; length < 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 89 + length) % 256)
    const hash = new Sha256()
    const piece = 1 + (length % 67)
    for (let at = 0; at < length; at += piece) hash.update(bytes.subarray(at, at + piece))
    expect(hash.digest()).toBe(createHash('sha256').update(bytes).digest('hex'))
  }
})

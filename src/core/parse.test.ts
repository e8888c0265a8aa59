import { expect, test } from 'vitest'
import { FormatError } from './errors.js'
import { array, boolean, finite, object, oneOf, optional, record, string, unknownKey, whole } from './parse.js'

const schema = object({ name: string, sizes: array(whole(1)), kind: optional(oneOf('a', 'b')) }, unknownKey)
const good = { name: 'x', sizes: [1, 2], kind: 'a' }

test('a value that fits comes back, without the fields that are undefined', () => {
  expect(schema(good, 'file')).toStrictEqual(good)
  expect(schema({ ...good, kind: undefined }, 'file')).toStrictEqual({ name: 'x', sizes: [1, 2] })
  expect(object({ name: string })(good, 'file')).toStrictEqual({ name: 'x' })
  expect(object<Record<string, unknown>>({ name: string }, boolean)({ name: 'x', b: true }, 'file')).toStrictEqual({
    name: 'x',
    b: true,
  })
})

test.each([
  [7, 'file: the value is 7, expected Object'],
  [null, 'file: the value is null, expected Object'],
  [[], 'file: the value is Array, expected Object'],
  [{ ...good, name: undefined }, 'file: name is undefined, expected string'],
  [{ ...good, name: {} }, 'file: name is Object, expected string'],
  [{ ...good, sizes: 'x' }, 'file: sizes is "x", expected Array'],
  [{ ...good, sizes: [1, 0.5] }, 'file: sizes.1 is 0.5, expected a whole number of 1 or more'],
  [{ ...good, kind: 'c' }, 'file: kind is "c", expected ("a" | "b")'],
  [{ ...good, size: 1 }, "file: there is a key 'size', which this version does not know"],
])('%j is refused by name', (value, message) => {
  expect(() => schema(value, 'file')).toThrow(FormatError)
  expect(() => schema(value, 'file')).toThrow(message)
})

test('an error names a nested value by its path in the file', () => {
  expect(() => schema(7, 'file', 'run')).toThrow('file: run is 7, expected Object')
  expect(() => schema({ ...good, kind: 'c' }, 'file', 'run')).toThrow('file: run.kind is "c"')
  expect(() => schema({ ...good, size: 1 }, 'file', 'run')).toThrow("file: there is a key 'run.size'")
})

test('a record may have any names, also those of built-in properties', () => {
  const numbers = JSON.parse('{ "__proto__": 1, "constructor": 2 }')
  expect(Object.entries(record(finite)(numbers, 'file'))).toEqual(Object.entries(numbers))
  expect(() => schema({ ...good, ...JSON.parse('{ "toString": 1 }') }, 'file')).toThrow("a key 'toString'")
  expect(() => record(finite)({ a: Infinity }, 'file', 'sums')).toThrow('file: sums.a is Infinity, expected number')
})

import { describe, expect, test } from 'vitest'
import { cellsOf } from '../../../build/cells.js'
import { CellSyntaxError, compile } from './compile.js'
import { table } from './console-methods.js'
import { inspect } from './inspect.js'

/** Runs cells, one after another, as the worker does; gives what they showed. */
async function shown(...cells: string[]): Promise<unknown[]> {
  const [scope, values] = [Object.create(null), [] as unknown[]]
  const module: Record<string, unknown> = { one: 1, two: 2 }
  for (const code of cells) {
    const { script, names } = compile(code)
    for (const name of names) scope[name] ??= undefined
    // biome-ignore lint/security/noGlobalEval: cells are run so
    const cell = globalThis.eval(script)
    await cell(
      scope,
      () => {},
      (value: unknown) => values.push(value),
      () => module,
    )
  }
  return values
}

describe('cells', () => {
  test.each<[string, string[], unknown]>([
    ['variables', ['const a = 1, b = 2\nlet c', 'c = a + b', 'c'], 3],
    [
      'patterns',
      ['const { a, b: [c, d = 4], ...rest } = { a: 1, b: [3], e: 5 }', '[a, c, d, rest]'],
      [1, 3, 4, { e: 5 }],
    ],
    ['functions, also before their line', ['const a = f(2)\nfunction f(n: number) { return n * 2 }', 'a + f(4)'], 12],
    ['a function that changes a variable', ['let n = 0\nfunction count() { n++ }', 'count()\ncount()', 'n'], 2],
    [
      'classes with types',
      ['class A<T> {\n  readonly b: T\n  constructor(readonly c: T) { this.b = c }\n}', 'new A<number>(7).b'],
      7,
    ],
    ['imports that only later cells use', ["import { one, two as zwei, type Three } from 'unrolled'", 'one + zwei'], 3],
    ['a namespace', ["import * as all from 'unrolled'", 'all.two'], 2],
    ['await', ['const a = await Promise.resolve(5)', 'a'], 5],
    ['loops without braces', ['let sum = 0\nfor (const i of [1, 2]) for (let j = 0; j < 2; j++) sum += i\nsum'], 6],
    ['enums', ['enum E { A = 3 }', 'E.A'], 3],
    ['exports, as in a program', ['export const a = 9', 'a'], 9],
  ])('share %s', async (_what, codes, value) => {
    expect((await shown(...codes)).at(-1)).toEqual(value)
  })

  test('show their last value, unless it is awaited or assigned', async () => {
    expect(await shown('1 + 1', 'let a = 1', 'a = 3', 'await Promise.resolve(4)', 'a++', 'a')).toEqual([2, 4])
  })

  test.each([
    ['const a = 1\nconst = 2', 2],
    ['let a: = 3', 1],
    ['for (const a of) {}', 1],
    ['const a = 1\n\nconst a = 2', 3],
  ])('%j is refused, with its line', (code, line) => {
    const error = (() => {
      try {
        compile(code)
      } catch (error) {
        return error
      }
    })()
    expect(error).toBeInstanceOf(CellSyntaxError)
    expect((error as CellSyntaxError).line).toBe(line)
  })

  test('keep their lines, so that an error names the right one', async () => {
    const code =
      "import {\n  one,\n} from 'unrolled'\ninterface A {\n  a: number\n}\nconst b = null as unknown as A\n\nb.a"
    const error = await shown(`${code}\n//# sourceURL=lines.ts`).catch((error: Error) => error)
    expect((error as Error).stack).toMatch(/lines\.ts:9:/)
  })
})

test('examples are cut at their marks, and lines that only programs need are replaced', () => {
  const text = '// header\n\n// %% first\nconst a = process.argv\n// %%= const a = 1\n\n// %% second\na\n'
  expect(cellsOf('p', text)).toEqual([
    { name: 'first', program: 'p', code: 'const a = 1' },
    { name: 'second', program: 'p', code: 'a' },
  ])
  expect(() => cellsOf('p', '// %% a\n// %% a')).toThrow('two cells are called a')
  expect(() => cellsOf('p', '// %% a\n// %%= b')).toThrow('nothing is above')
})

test('values are shown as consoles show them', () => {
  const deep = { a: [1, 'x'], b: { c: { d: 1 } }, f: () => 1 }
  expect(inspect(deep)).toBe('{ a: [1, "x"], b: { c: {…} }, f: [function f] }')
  expect(inspect(new Float32Array([1, 2]))).toBe('Float32Array(2) [1, 2]')
  expect(inspect(Array.from({ length: 102 }, () => 0))).toMatch(/^\[0, .*0, … 2 more\]$/)
  expect(inspect({ [Symbol.for('nodejs.util.inspect.custom')]: () => 'Tensor(…)' })).toBe('Tensor(…)')
})

test('tables have a line for each row, and a column for each name', () => {
  expect(
    table([
      { a: 1, b: 'long' },
      { b: 'x', c: [1] },
    ]),
  ).toBe('   a  b     c\n0  1  long\n1     x     [… 1]')
  expect(table({ x: 1, y: [2, 3] })).toBe('   value  0  1\nx  1\ny         2  3')
  expect(table('no rows')).toBe('"no rows"')
})

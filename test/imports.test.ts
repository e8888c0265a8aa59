import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

// A folder may import from the folders in the rows above it, and from itself.
const rows = [
  ['platform'],
  ['core'],
  ['device'],
  ['kernels'],
  ['tensor'],
  ['nn', 'optim'],
  ['data', 'generate', 'formats'],
  ['train'],
  ['run'],
  ['index.ts', 'inference.ts', 'config.ts', 'formats.ts'],
  ['node', 'browser', 'browser.ts'],
  ['server'],
  ['node.ts'],
  ['cli'],
]
// Exceptions among siblings, each with its reason in ARCHITECTURE.md.
const allowed = new Set(['generate → data', 'formats → data', 'browser.ts → browser'])

const src = path.resolve('src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => /(?<!\.test)\.[jt]s$/.test(file))
const folderOf = (file: string) => file.split(path.sep)[0]
const rowOf = (folder: string) => rows.findIndex((row) => row.includes(folder))
const importsOf = (file: string) =>
  [...readFileSync(path.join(src, file), 'utf8').matchAll(/(?:from|import\(|^import)\s*'([^']+)'/gm)].map(
    ([, name]) => name,
  )

// A relative import names the compiled file; its source is TypeScript, except for the scripts of threads.
const sourceOf = (file: string) => (files.includes(file) ? file : file.replace(/\.js$/, '.ts'))

test('every source file lies in a folder that the architecture knows', () => {
  expect(files.length).toBeGreaterThan(20)
  expect(files.filter((file) => rowOf(folderOf(file)) === -1)).toEqual([])
})

test('imports go one way', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => name.startsWith('.'))
      .map((name) => folderOf(sourceOf(path.relative(src, path.resolve(src, path.dirname(file), name)))))
      .filter((target) => {
        const source = folderOf(file)
        if (target === source || allowed.has(`${source} → ${target}`)) return false
        return rowOf(target) === -1 || rowOf(target) >= rowOf(source)
      })
      .map((target) => `${file} imports from ${target}`),
  )
  expect(wrong).toEqual([])
})

test('nothing outside of kernels reaches into a set of them', () => {
  const wrong = files
    .filter((file) => !['kernels', 'index.ts'].includes(folderOf(file)))
    .flatMap((file) =>
      importsOf(file)
        .filter((name) => /kernels\/(wasm|webgpu|reference)\//.test(name))
        .map((name) => `${file} imports ${name}`),
    )
  expect(wrong).toEqual([])
})

test('the command imports only the public entries, like a user’s own program', () => {
  const entries = ['node.ts', 'config.ts', 'formats.ts']
  const others = files
    .filter((file) => folderOf(file) === 'cli')
    .flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith('.'))
        .map((name) => sourceOf(path.relative(src, path.resolve(src, path.dirname(file), name))))
        .filter((target) => folderOf(target) !== 'cli' && !entries.includes(target))
        .map((target) => `${file} imports from ${target}`),
    )
  expect(others).toEqual([])
})

test('there are no import cycles', () => {
  const graph = new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .filter((name) => name.startsWith('.'))
        .map((name) => sourceOf(path.relative(src, path.resolve(src, path.dirname(file), name)))),
    ]),
  )
  const done = new Set<string>()
  const circle = (file: string, trail: string[]): string[] | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const next of graph.get(file) ?? []) {
      const found = circle(next, [...trail, file])
      if (found) return found
    }
    done.add(file)
    return undefined
  }
  expect(files.flatMap((file) => circle(file, []) ?? [])).toEqual([])
})

test('only the Node entry, its files, the server, the command and the Node platform import from Node', () => {
  const isNodes = (file: string) =>
    ['node', 'node.ts', 'server', 'cli'].includes(folderOf(file)) || file.startsWith(path.join('platform', 'node', ''))
  const others = files.filter((file) => !isNodes(file))
  expect(others.filter((file) => importsOf(file).some((name) => name.startsWith('node:')))).toEqual([])
  const uses = /\b(process\.|getBuiltinModule|Buffer\b|require\()/
  const code = (file: string) =>
    readFileSync(path.join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'/g, '')
  expect(others.filter((file) => uses.test(code(file)))).toEqual([])
})

test('the platform is imported only as #platform, except by the files of Node itself', () => {
  const wrong = files.filter(
    (file) =>
      !['platform', 'node', 'cli'].includes(folderOf(file)) &&
      importsOf(file).some((name) => /platform\/(node|browser)\//.test(name)),
  )
  expect(wrong).toEqual([])
})
